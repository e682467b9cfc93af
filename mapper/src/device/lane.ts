// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** Work that is never done twice at the same time, with one timer at most. */
export interface Lane {
  /** There is something to do: a step runs now, or once more after the one that runs. */
  poke(): void;
  /** Aborts the running step's signal and resolves when it has ended; nothing runs afterwards. */
  stop(): Promise<void>;
}

/** Does what is due; returns milliseconds until it wants to run again, undefined to sleep until poked. */
export type Step = (signal: AbortSignal) => Promise<number | undefined>;

/** Pause after a step that threw: a fault of this program, which must not become a busy loop. */
const AFTER_FAULT_MS = 1_000;

/** @param onFault called with what a step threw */
export function createLane(clock: Clock, step: Step, onFault: (error: unknown) => void): Lane {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const pending = { isPoked: false };
  const isPoked = (): boolean => pending.isPoked;
  let cancelTimer = (): void => undefined;

  async function run(): Promise<void> {
    pending.isPoked = false;
    const delayMs = await stepped();
    running = undefined;
    if (stopping.signal.aborted) return;
    if (isPoked()) arm(0);
    else if (delayMs !== undefined) arm(delayMs);
  }
  /** A step may throw at once too. */
  async function stepped(): Promise<number | undefined> {
    try {
      return await step(stopping.signal);
    } catch (error) {
      onFault(error);
      return AFTER_FAULT_MS;
    }
  }
  function arm(delayMs: number): void {
    cancelTimer();
    cancelTimer = clock.schedule(delayMs, () => {
      running ??= run();
    });
  }
  return {
    poke: () => {
      if (stopping.signal.aborted) return;
      pending.isPoked = true;
      if (running === undefined) arm(0);
    },
    stop: async () => {
      stopping.abort();
      cancelTimer();
      await running;
    },
  };
}
