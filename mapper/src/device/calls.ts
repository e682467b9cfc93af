// SPDX-License-Identifier: Apache-2.0
// What a device is asked for, each with what its failure means.
import type { Pauses } from "../backoff.ts";
import type { MethodCall, Value } from "../driver.ts";
import { MapperError, reasonOf } from "../errors.ts";
import { FleetError } from "../rest/port.ts";
import { formatReading, isInRange } from "../values/convert.ts";
import type { DeviceDeps } from "./context.ts";
import { askAtOnce, desiredValue, postponeDesired, refuseDesired, settleDesired } from "./desired.ts";
import type { Entry } from "./entries.ts";
import type { HandleKeeper } from "./handle.ts";
import { textOf } from "./method.ts";
import { withReading, type Reading } from "./twin.ts";

/** How a call to the device went: whether it answered. */
export type Answer = "answered" | "failed" | "not asked";

export interface DeviceCalls {
  read(entry: Entry, signal: AbortSignal): Promise<Answer>;
  write(entry: Entry, signal: AbortSignal): Promise<Answer>;
  /** @param onSaid gets what the driver returned */
  askState(onSaid: (state: unknown) => void, signal: AbortSignal): Promise<Answer>;
  /** Reads for somebody who waits for it. @throws whatever was thrown */
  readNow(entry: Entry, signal: AbortSignal): Promise<Reading>;
  /** Carries out a method; what it returned, as a twin would carry it. @throws whatever was thrown */
  method(entry: Entry, call: MethodCall, signal: AbortSignal): Promise<string | undefined>;
}

export function createDeviceCalls(deps: DeviceDeps, handle: HandleKeeper, pauses: Pauses): DeviceCalls {
  const { clock, counters, log, options } = deps;

  function complain(entry: Entry, error: unknown, message: string): void {
    if (!entry.isReadFailing)
      log.warn({ property: entry.plan.property.name, reason: reasonOf(error) }, message);
    entry.isReadFailing = true;
  }

  function readingOf(raw: unknown, { plan: { property } }: Entry): Reading {
    const { text, value } = formatReading(raw, property.type);
    if (isTooLong(text)) throw new MapperError("VALUE_INVALID", "too long");
    if (!isInRange(value, property)) counters.add("readingsOutOfRange");
    return { text, value, atMs: clock.nowMs() };
  }

  /** @throws {MapperError} VALUE_INVALID, which is told */
  function take(entry: Entry, raw: unknown): Reading {
    try {
      const reading = readingOf(raw, entry);
      entry.twin = withReading(entry.twin, reading);
      entry.isReadFailing = false;
      return reading;
    } catch (error) {
      counters.add("refusedReadings");
      complain(entry, error, "a reading was refused");
      throw error;
    }
  }

  const isTooLong = (text: string): boolean => Buffer.byteLength(text) > options.maxValueBytes;

  async function ask(entry: Entry, signal: AbortSignal): Promise<unknown> {
    counters.add("reads");
    try {
      return await handle.call((open, context) => open.read(entry.plan.property, context), signal);
    } catch (error) {
      if (!signal.aborted) {
        counters.add("readFailures");
        complain(entry, error, "a property cannot be read");
      }
      throw error;
    }
  }

  async function carryOut(call: MethodCall, signal: AbortSignal): Promise<string | undefined> {
    const returned = await handle.call(async (open, context) => {
      if (open.call) return open.call(call, context);
      if (!open.write) throw new FleetError("READ_ONLY", "nothing carries out methods of this device");
      await open.write(call.property, call.value, context);
      return undefined;
    }, signal);
    const text = textOf(returned);
    if (text !== undefined && isTooLong(text)) throw new MapperError("VALUE_INVALID", "too long");
    return text;
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
      let raw: unknown;
      try {
        raw = await ask(entry, signal);
      } catch {
        return signal.aborted ? "not asked" : "failed";
      }
      try {
        take(entry, raw);
      } catch {
        // It is told; and what answers nonsense answers.
      }
      return "answered";
    },
    readNow: async (entry, signal) => take(entry, await ask(entry, signal)),
    method: async (entry, call, signal) => {
      const names = { method: call.method, property: call.property.name };
      counters.add("methodCalls");
      try {
        const text = await carryOut(call, signal);
        log.info(names, "a method was carried out");
        return text;
      } catch (error) {
        counters.add("methodFailures");
        log.warn({ ...names, reason: reasonOf(error) }, "a method failed");
        throw error;
      } finally {
        askAtOnce(entry, clock.monotonicMs());
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
