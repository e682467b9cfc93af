// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../../runtime/index.ts";

/** A moment by which something must be known, whoever is asked, and however well they keep to a signal. */
export class Deadline {
  readonly #clock: Clock;
  readonly #atMs: number;

  constructor(clock: Clock, inMs: number) {
    this.#clock = clock;
    this.#atMs = clock.nowMs() + inMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.nowMs());
  }

  /**
   * @param what for the person who asked, when it takes too long
   * @param signal gives up earlier
   * @throws {StreamError} TIMEOUT, CANCELLED; what `ask` throws
   */
  async bound<T>(ask: (signal: AbortSignal) => Promise<T>, what: string, signal?: AbortSignal): Promise<T> {
    const abort = new AbortController();
    let giveUp: (error: StreamError) => void = () => undefined;
    const promise = new Promise<never>((_resolve, reject) => {
      giveUp = (error) => {
        reject(error);
        abort.abort(error);
      };
    });
    const cancel = this.#clock.schedule(this.remainingMs, () => giveUp(new StreamError("TIMEOUT", what)));
    const onAbort = (): void => giveUp(new StreamError("CANCELLED", "the request was given up"));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    try {
      return await Promise.race([promise, ask(abort.signal)]);
    } finally {
      cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
