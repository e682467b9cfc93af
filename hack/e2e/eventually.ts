// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

export interface EventuallyOptions {
  readonly timeoutMs: number;
  /** Default 200 ms. */
  readonly intervalMs?: number;
}

/** Calls `assertions` until they pass; when time is up, throws what failed last, so that its difference is shown. */
export async function eventually<T>(
  assertions: () => Promise<T> | T,
  options: EventuallyOptions,
): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return await assertions();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
    await sleep(options.intervalMs ?? 200);
  }
}
