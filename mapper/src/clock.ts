// SPDX-License-Identifier: Apache-2.0

/** Time as the mapper sees it; injected so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch: what reports carry. */
  nowMs(): number;
  /** Milliseconds of a clock that never goes back: for delays. */
  monotonicMs(): number;
  /** Runs `fn` once after `delayMs`. Returns the canceller, which may be called at any time. */
  schedule(delayMs: number, fn: () => void): () => void;
}

/** Node's timers take at most 2^31-1 ms and fire at once beyond that. */
const MAX_TIMER_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, fn) => {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
