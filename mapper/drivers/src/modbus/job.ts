// SPDX-License-Identifier: Apache-2.0
import { ModbusError } from "./errors.ts";
import type { Link } from "./link.ts";
import type { Waiting } from "./turn.ts";

/** A request that waits for its turn, or has it. */
export interface Job extends Waiting {
  /** Never rejects; undefined when it was carried out, else why not. */
  run(link: Link): Promise<unknown>;
  fail(error: unknown): void;
  /** Somebody was told already what became of it: it must not be carried out any more. */
  readonly isOver: () => boolean;
}

export interface Work<T> extends Waiting {
  readonly signal: AbortSignal;
  readonly carryOut: (link: Link) => Promise<T>;
  readonly onAbort: (job: Job) => void;
}

/** A job, and the promise of what it gives. Whoever waits is told of an abort at once, also during the request. */
export function createJob<T>({ unit, sinceMs, signal, carryOut, onAbort }: Work<T>): {
  job: Job;
  result: Promise<T>;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (why: unknown) => void = () => undefined;
  const result = new Promise<T>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  let isOver = false;
  const job: Job = {
    unit,
    sinceMs,
    isOver: () => isOver,
    fail: (why) => {
      isOver = true;
      signal.removeEventListener("abort", aborted);
      reject(why);
    },
    run: async (link) => {
      try {
        resolve(await carryOut(link));
        signal.removeEventListener("abort", aborted);
        return undefined;
      } catch (error) {
        job.fail(error);
        return error;
      }
    },
  };
  function aborted(): void {
    onAbort(job);
    job.fail(new ModbusError("ABORTED", "given up while it waited for the line or the slave"));
  }
  signal.addEventListener("abort", aborted, { once: true });
  return { job, result };
}
