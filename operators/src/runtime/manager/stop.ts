// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock } from "../clock.ts";
import type { Log } from "../log.ts";

export interface Failure {
  /** Keeps the first error; later ones are logged. */
  readonly fail: (error: unknown) => void;
  /** Resolves when something failed. */
  readonly failed: Promise<void>;
  error(): Error | undefined;
}

export function createFailure(log: Log): Failure {
  let first: Error | undefined;
  let resolveFailed: () => void = () => undefined;
  const failed = new Promise<void>((resolve) => (resolveFailed = resolve));
  return {
    fail(error) {
      if (first !== undefined && first !== error) log.error({ err: error }, "failed during the stop");
      first ??=
        error instanceof Error ? error : new Error("something that is no Error was thrown", { cause: error });
      resolveFailed();
    },
    failed,
    error: () => first,
  };
}

export interface StopPlan {
  readonly clock: Clock;
  readonly log: Log;
  /** For all steps together; 0 waits for none, below 0 for ever. */
  readonly graceMs: number;
  readonly steps: readonly (readonly [name: string, stop: () => Promise<void>])[];
}

/** Begins each step when the one before ended; when the time is over, all the rest begin at once and none is waited for. */
export async function stopInOrder({ clock, log, graceMs, steps }: StopPlan): Promise<void> {
  const isOver = new AbortController();
  const cancel = graceMs < 0 ? undefined : clock.schedule(graceMs, () => isOver.abort());
  if (graceMs === 0) isOver.abort();
  for (const [name, stop] of steps) {
    const ended = stop().catch((error: unknown) => log.error({ step: name, err: error }, "stop failed"));
    const over = pause(clock, Number.MAX_SAFE_INTEGER, isOver.signal).then(() => false);
    const isDone = await Promise.race([ended.then(() => true), over]);
    if (!isDone) log.warn({ step: name }, "not waited for: the time to stop is over");
  }
  cancel?.();
  isOver.abort();
}
