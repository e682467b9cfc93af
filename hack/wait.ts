// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "./fault.ts";

export interface WaitOptions {
  /** What is waited for, in words that finish "waiting for …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Default 100 ms. */
  readonly intervalMs?: number;
  readonly advice?: string;
}

export type Probe<T> = () => Promise<T | undefined | false> | T | undefined | false;

/**
 * Calls `probe` until it gives something other than undefined or false.
 * An error of the probe counts as "not yet"; the last one is told when time is up.
 *
 * @throws {Fault} WAIT_TIMEOUT; faults with code PROCESS_ENDED are passed on at once
 */
export async function waitFor<T>(probe: Probe<T>, options: WaitOptions): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  let last: string;
  do {
    const outcome = await attempt(probe);
    if ("result" in outcome) return outcome.result;
    last = outcome.remark;
    await sleep(options.intervalMs ?? 100);
  } while (performance.now() < deadlineMs);
  const why = last === "" ? "" : `: ${last}`;
  const message = `gave up waiting for ${options.what} after ${options.timeoutMs / 1000} s${why}`;
  throw new Fault("WAIT_TIMEOUT", message, options.advice);
}

async function attempt<T>(probe: Probe<T>): Promise<{ result: T } | { remark: string }> {
  try {
    const result = await probe();
    return result === undefined || result === false ? { remark: "" } : { result };
  } catch (error) {
    if (error instanceof Fault && error.code === "PROCESS_ENDED") throw error;
    return { remark: error instanceof Error ? error.message : String(error) };
  }
}
