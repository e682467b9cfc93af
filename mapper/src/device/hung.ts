// SPDX-License-Identifier: Apache-2.0
import type { DeviceDeps } from "./context.ts";

/** Calls of a device's driver that went on after their abort, and are no longer waited for. */
export interface HungCalls {
  readonly count: () => number;
  /** False while so many run that no handle is opened and no stream started. */
  readonly mayStart: () => boolean;
  /** @param ended settles when the call ends after all */
  add(ended: Promise<unknown>): void;
}

/** @param onEnded called when one has ended */
export function createHungCalls(
  { counters, log, options }: Pick<DeviceDeps, "counters" | "log" | "options">,
  onEnded: () => void,
): HungCalls {
  let hungCalls = 0;
  return {
    count: () => hungCalls,
    mayStart: () => hungCalls < options.maxHungCalls,
    add: (ended) => {
      hungCalls++;
      counters.add("driverHangs");
      log.warn({ hungCalls }, "a call of the driver goes on after its abort: it is given up");
      const settled = (): void => {
        hungCalls--;
        onEnded();
      };
      ended.then(settled, settled);
    },
  };
}
