// SPDX-License-Identifier: Apache-2.0

/** Time by parameter, so that tests decide what it is. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number;
  /** Wall clock, for what others read. */
  wallMs(): number;
  /** Runs `task` once after `delayMs`; a longer delay than a timer can hold is cut to that. @returns cancels it */
  schedule(delayMs: number, task: () => void): () => void;
}

// setTimeout takes 32 bits; beyond that it fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(delayMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
