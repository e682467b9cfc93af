// SPDX-License-Identifier: Apache-2.0

/** Bounds of the pauses between attempts, and where their jitter comes from. */
export interface Pauses {
  readonly baseMs: number;
  readonly capMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The pause after so many failures: exponential with full jitter, so that many do not come back at once. */
export const pauseMs = (failures: number, { baseMs, capMs, random }: Pauses): number =>
  random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 30));

/** Counts the failures of one thing. */
export interface Backoff {
  /** Milliseconds until the next attempt; counts as a failure. */
  nextDelayMs(): number;
  reset(): void;
}

export function createBackoff(pauses: Pauses): Backoff {
  let failures = 0;
  return {
    nextDelayMs: () => pauseMs(failures++, pauses),
    reset: () => {
      failures = 0;
    },
  };
}
