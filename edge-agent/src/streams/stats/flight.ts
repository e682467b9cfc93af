// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../../clock.ts";

/** Gives up waiting after a while; the work goes on. @throws {StreamError} TIMEOUT */
export function within<T>(clock: Clock, timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.schedule(timeoutMs, () => {
      reject(new StreamError("TIMEOUT", `${what} did not answer within ${timeoutMs} ms`));
    });
    work.then(resolve, reject).finally(cancel);
  });
}

/** One piece of work at a time, whose result serves everyone who asks while it is fresh. */
export function createFlight<T>(clock: Clock, freshMs: number, work: () => Promise<T>): Flight<T> {
  let last: { readonly atMs: number; readonly result: T } | undefined;
  let flying: Promise<T> | undefined;
  const fly = async (): Promise<T> => {
    try {
      const result = await work();
      last = { atMs: clock.monotonicMs(), result };
      return result;
    } finally {
      flying = undefined;
    }
  };
  const fresh = (): T | undefined =>
    last !== undefined && clock.monotonicMs() - last.atMs < freshMs ? last.result : undefined;
  return {
    fresh,
    get: () => {
      const result = fresh();
      return result === undefined ? (flying ??= fly()) : Promise.resolve(result);
    },
  };
}

export interface Flight<T> {
  /** The last result, when it still serves. */
  fresh(): T | undefined;
  get(): Promise<T>;
}
