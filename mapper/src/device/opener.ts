// SPDX-License-Identifier: Apache-2.0
import { createBackoff, type Pauses } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import type { Device } from "../driver.ts";
import type { HandleKeeper } from "./handle.ts";
import { isDue } from "./schedule.ts";

/** Keeps a device open: closes what is useless, and opens again, later and later while that fails. */
export interface Opener {
  /** "later": see `untilOpen`. */
  ensureOpen(device: Device, signal: AbortSignal): Promise<"open" | "opened" | "later">;
  /** A call succeeded: the next loss is a new one. */
  answered(): void;
  /** A call failed; true when that made the handle useless: it is closed. */
  failed(limit: number): Promise<boolean>;
  /** Milliseconds until the next attempt, undefined while calls of given up handles must end first. */
  untilOpen(): number | undefined;
}

export function createOpener(clock: Clock, handle: HandleKeeper, pauses: Pauses): Opener {
  const backoff = createBackoff(pauses);
  let tried: Device | undefined;
  let dueMs = clock.monotonicMs();
  let failures = 0;
  const pause = (): void => {
    dueMs = clock.monotonicMs() + backoff.nextDelayMs();
  };

  /** Another way to the device owes nothing to the failures of the last one. */
  function startOver(device: Device): void {
    tried = device;
    backoff.reset();
    dueMs = clock.monotonicMs();
  }

  return {
    ensureOpen: async (device, signal) => {
      if (handle.openedFor() === device) return "open";
      await handle.close();
      if (tried !== device) startOver(device);
      if (!handle.mayOpen() || !isDue(dueMs, clock.monotonicMs())) return "later";
      failures = 0;
      if (await handle.open(device, signal)) return "opened";
      pause();
      return "later";
    },
    answered: () => {
      failures = 0;
      backoff.reset();
    },
    failed: async (limit) => {
      failures++;
      if (handle.openedFor() !== undefined && failures < limit) return false;
      await handle.close();
      pause();
      return true;
    },
    untilOpen: () => (handle.mayOpen() ? Math.max(0, dueMs - clock.monotonicMs()) : undefined),
  };
}
