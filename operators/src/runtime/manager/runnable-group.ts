// SPDX-License-Identifier: Apache-2.0
import type { Runnable } from "./runnable.ts";

export interface RunnableGroup {
  add(runnable: Runnable): void;
  start(): void;
  /** Aborts the group's signal and waits for its members. */
  stop(): Promise<void>;
  abort(): void;
}

/** Runnables that start and stop together. A failure is reported once and at once. */
export function createRunnableGroup(onFailure: (error: unknown) => void): RunnableGroup {
  const controller = new AbortController();
  const members: Runnable[] = [];
  const ends: Promise<void>[] = [];
  let isStarted = false;
  const run = (runnable: Runnable): void => {
    ends.push(start(runnable, controller.signal).catch(onFailure));
  };
  return {
    add(runnable) {
      if (controller.signal.aborted) throw new Error("the manager is stopping");
      members.push(runnable);
      if (isStarted) run(runnable);
    },
    start() {
      if (controller.signal.aborted) return;
      isStarted = true;
      members.forEach(run);
    },
    abort: () => controller.abort(new Error("the manager stops")),
    async stop() {
      controller.abort(new Error("the manager stops"));
      await Promise.all(ends);
    },
  };
}

// Async, so that a runnable that throws before its first await fails like any other.
const start = async (runnable: Runnable, signal: AbortSignal): Promise<void> => runnable.start(signal);
