// SPDX-License-Identifier: Apache-2.0
// The three things that a device is asked for, each with what its failure means.
import type { Pauses } from "../backoff.ts";
import type { Value } from "../driver.ts";
import { MapperError, reasonOf } from "../errors.ts";
import { formatReading, isInRange } from "../values/convert.ts";
import type { DeviceDeps } from "./context.ts";
import { desiredValue, postponeDesired, refuseDesired, settleDesired } from "./desired.ts";
import type { Entry } from "./entries.ts";
import type { HandleKeeper } from "./handle.ts";
import { withReading } from "./twin.ts";

/** How a call to the device went: whether it answered. */
export type Answer = "answered" | "failed" | "not asked";

export interface DeviceCalls {
  read(entry: Entry, signal: AbortSignal): Promise<Answer>;
  write(entry: Entry, signal: AbortSignal): Promise<Answer>;
  /** @param onSaid gets what the driver returned */
  askState(onSaid: (state: unknown) => void, signal: AbortSignal): Promise<Answer>;
}

export function createDeviceCalls(deps: DeviceDeps, handle: HandleKeeper, pauses: Pauses): DeviceCalls {
  const { clock, counters, log, options } = deps;

  function complain(entry: Entry, error: unknown, message: string): void {
    if (!entry.isReadFailing)
      log.warn({ property: entry.plan.property.name, reason: reasonOf(error) }, message);
    entry.isReadFailing = true;
  }

  function take(entry: Entry, raw: unknown): void {
    const { property } = entry.plan;
    try {
      const { text, value } = formatReading(raw, property.type);
      if (Buffer.byteLength(text) > options.maxValueBytes) throw new MapperError("VALUE_INVALID", "too long");
      if (!isInRange(value, property)) counters.add("readingsOutOfRange");
      entry.twin = withReading(entry.twin, { text, atMs: clock.nowMs() });
      entry.isReadFailing = false;
    } catch (error) {
      counters.add("refusedReadings");
      complain(entry, error, "a reading was refused");
    }
  }

  function valueOf(entry: Entry): Value | undefined {
    const { desired, property } = entry.plan;
    try {
      return desiredValue(entry, handle.has("write"), options.maxValueBytes);
    } catch (error) {
      counters.add("refusedDesired");
      log.warn({ property: property.name, reason: reasonOf(error) }, "a desired value was refused");
      refuseDesired(entry, desired);
      return undefined;
    }
  }

  return {
    read: async (entry, signal) => {
      const { property } = entry.plan;
      counters.add("reads");
      try {
        take(entry, await handle.call((open, context) => open.read(property, context), signal));
        return "answered";
      } catch (error) {
        if (signal.aborted) return "not asked";
        counters.add("readFailures");
        complain(entry, error, "a property cannot be read");
        return "failed";
      }
    },
    write: async (entry, signal) => {
      const { desired, property } = entry.plan;
      const value = valueOf(entry);
      if (value === undefined) return "not asked";
      counters.add("writes");
      try {
        await handle.call((open, context) => open.write?.(property, value, context), signal);
      } catch (error) {
        if (signal.aborted) return "not asked";
        counters.add("writeFailures");
        if (postponeDesired(entry, desired, clock.monotonicMs(), pauses)) {
          const fields = { property: property.name, reason: reasonOf(error) };
          log.warn(fields, "a desired value could not be written: it is tried again");
        }
        return "failed";
      }
      settleDesired(entry, desired, clock.monotonicMs());
      log.info({ property: property.name }, "a desired value was written");
      return "answered";
    },
    askState: async (onSaid, signal) => {
      try {
        onSaid(await handle.call((open, context) => open.state?.(context), signal));
        return "answered";
      } catch (error) {
        if (signal.aborted) return "not asked";
        log.debug({ reason: reasonOf(error) }, "the device does not say its state");
        return "failed";
      }
    },
  };
}
