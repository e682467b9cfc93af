// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import { MapperError } from "../errors.ts";

/** How a call of a driver ended. `ended` settles when a call that was given up ends after all, with what it gave. */
export type Outcome<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "hung"; readonly error: MapperError; readonly ended: Promise<T | undefined> };

export interface Deadline {
  readonly timeoutMs: number;
  /** How long the call may take to end after its abort. */
  readonly graceMs: number;
  /** Aborts the call before its deadline. */
  readonly signal: AbortSignal;
}

/**
 * Runs a call that gets an abort signal. At the deadline, or when `signal` aborts, it is aborted; one that has not
 * ended `graceMs` later is hung, and no longer waited for. Never rejects.
 */
export async function withDeadline<T>(
  clock: Clock,
  { timeoutMs, graceMs, signal }: Deadline,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<Outcome<T>> {
  const aborter = new AbortController();
  const call = settle(run, aborter.signal);
  let giveUp: (() => void) | undefined;
  const hung = new Promise<"hung">((resolve) => {
    giveUp = () => resolve("hung");
  });
  let cancelTimer = clock.schedule(timeoutMs, abort);
  function abort(): void {
    if (aborter.signal.aborted) return; // the grace runs already, and must not be lost
    cancelTimer();
    cancelTimer = clock.schedule(graceMs, () => giveUp?.());
    aborter.abort();
  }
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  const first = await Promise.race([call, hung]);
  signal.removeEventListener("abort", abort);
  cancelTimer();
  if (first === "hung") {
    const error = new MapperError("DRIVER_TIMEOUT", "the call goes on after its deadline and its abort");
    return {
      kind: "hung",
      error,
      ended: call.then((late) => (late.kind === "done" ? late.value : undefined)),
    };
  }
  if (first.kind === "failed" && aborter.signal.aborted && !signal.aborted) {
    return {
      kind: "failed",
      error: new MapperError("DRIVER_TIMEOUT", "no answer in time", { cause: first.error }),
    };
  }
  return first;
}

type Settled<T> = { kind: "done"; value: T } | { kind: "failed"; error: unknown };

async function settle<T>(
  run: (signal: AbortSignal) => T | Promise<T>,
  signal: AbortSignal,
): Promise<Settled<T>> {
  try {
    return { kind: "done", value: await run(signal) };
  } catch (error) {
    return { kind: "failed", error };
  }
}
