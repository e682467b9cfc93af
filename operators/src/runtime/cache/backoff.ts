// SPDX-License-Identifier: Apache-2.0

export interface Backoff {
  /** The next delay: at random up to base × 2^n, which is at most cap; see `jitter`. */
  nextMs(): number;
  reset(): void;
}

export interface BackoffLimits {
  readonly baseMs: number;
  readonly capMs: number;
}

export interface BackoffOptions extends BackoffLimits {
  /** "half" (default): at least half of it. "full": from 0, so that many that failed together part at once. */
  readonly jitter?: "half" | "full";
  readonly random?: () => number;
}

export function createBackoff(o: BackoffOptions): Backoff {
  const random = o.random ?? Math.random;
  const least = o.jitter === "full" ? 0 : 0.5;
  let failures = 0;
  return {
    nextMs() {
      const fullMs = Math.min(o.capMs, o.baseMs * 2 ** Math.min(failures++, 30));
      return fullMs * (least + random() * (1 - least));
    },
    reset: () => void (failures = 0),
  };
}
