// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../../runtime/index.ts";

/** A stream whose answer is waited for. */
export interface Opening {
  /** There was an answer, or it may be taken for granted. */
  accept(): void;
  fail(error: Error): void;
}

export interface OpeningOptions {
  readonly clock: Pick<Clock, "schedule">;
  readonly timeoutMs: number;
  /** Accepted without an answer after this; undefined: never. */
  readonly graceMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Ends the stream; `fail` follows from it. */
  readonly giveUp: (error: StreamError) => void;
}

/** Waits until an EdgeCore has answered; its protocol has no message that says so. */
export function createOpening(options: OpeningOptions): Opening & { readonly answered: Promise<void> } {
  const { clock, timeoutMs, graceMs, signal, giveUp } = options;
  let accept = (): void => undefined;
  let fail: (error: Error) => void = () => undefined;
  const answer = new Promise<void>((resolve, reject) => {
    accept = resolve;
    fail = reject;
  });
  const onAbort = (): void => giveUp(new StreamError("CANCELLED", "the request was given up"));
  const cancels = [
    clock.schedule(timeoutMs, () => giveUp(new StreamError("TIMEOUT", "the node did not answer in time"))),
    ...(graceMs === undefined ? [] : [clock.schedule(graceMs, accept)]),
    () => signal?.removeEventListener("abort", onAbort),
  ];
  signal?.addEventListener("abort", onAbort, { once: true });
  const answered = answer.finally(() => {
    for (const cancel of cancels) cancel();
  });
  return { answered, accept, fail };
}
