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

/**
 * Calls `probe` until it gives something other than undefined or false.
 * An error of the probe counts as "not yet"; the last one is told when time is up.
 *
 * @throws {Fault} WAIT_TIMEOUT; faults with code PROCESS_ENDED are passed on at once
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  let last = "";
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      if (error instanceof Fault && error.code === "PROCESS_ENDED") throw error;
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadlineMs) break;
    await sleep(options.intervalMs ?? 100);
  }
  const why = last === "" ? "" : `: ${last}`;
  throw new Fault(
    "WAIT_TIMEOUT",
    `gave up waiting for ${options.what} after ${options.timeoutMs / 1000} s${why}`,
    options.advice,
  );
}
