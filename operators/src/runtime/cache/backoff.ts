// SPDX-License-Identifier: Apache-2.0

export interface Backoff {
  /** The next delay: at random between half and all of base × 2^n, at most cap. */
  nextMs(): number;
  reset(): void;
}

export function createBackoff(o: { baseMs: number; capMs: number; random?: () => number }): Backoff {
  const random = o.random ?? Math.random;
  let failures = 0;
  return {
    nextMs() {
      const fullMs = Math.min(o.capMs, o.baseMs * 2 ** failures++);
      return fullMs * (0.5 + random() / 2);
    },
    reset: () => void (failures = 0),
  };
}
