// SPDX-License-Identifier: Apache-2.0

/** Time as the agent sees it; injected so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. For what people and other machines read, never for order or delays. */
  nowMs(): number;
  /** Milliseconds of a clock that never goes back. For delays and ages. */
  monotonicMs(): number;
  /** Runs `fn` once after `delayMs`. Returns the canceller, which may be called at any time. */
  schedule(delayMs: number, fn: () => void): () => void;
}

/** Node's timers take at most 2^31-1 ms and fire at once beyond that. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Resolves after `delayMs`, or at once when the signal aborts; never rejects. */
export function pause(clock: Pick<Clock, "schedule">, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(delayMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, fn) => {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
