// SPDX-License-Identifier: Apache-2.0
import { createBackoff, pauseMs, type Pauses } from "../backoff.ts";
import { DEVICE_STATES, type DeviceState, type Value } from "../driver.ts";
import { MapperError, reasonOf } from "../errors.ts";
import { formatReading, isInRange, parseDesired } from "../values/convert.ts";
import type { DeviceDeps } from "./context.ts";
import type { Entries, Entry } from "./entries.ts";
import { createHandleKeeper } from "./handle.ts";
import type { DevicePlan } from "./plan.ts";
import { afterRun, isDue, startCycle, untilNext } from "./schedule.ts";
import { isDesiredOpen, withReading, withSettledDesired } from "./twin.ts";

/** What a device is run by now; changes between any two calls. */
export interface Current {
  plan: DevicePlan;
  entries: Entries;
}

/** The half of a device that talks with its driver. */
export interface Collector {
  /** Does what is due; milliseconds until the next, undefined when only an event brings more. */
  step(signal: AbortSignal): Promise<number | undefined>;
  readonly state: () => DeviceState;
  close(): Promise<void>;
}

export interface CollectorEvents {
  /** There is something new to report. */
  readonly onNews: () => void;
  /** A call that was given up has ended. */
  readonly onCallEnded: () => void;
}

/** Reads properties when they are due and writes desired values, one call at a time. */
export function createCollector(deps: DeviceDeps, current: Current, events: CollectorEvents): Collector {
  const { clock, counters, log, options } = deps;
  const handle = createHandleKeeper(deps, events.onCallEnded);
  const pauses: Pauses = { baseMs: options.retryBaseMs, capMs: options.retryCapMs, random: deps.random };
  const reopen = createBackoff(pauses);
  let openDueMs = clock.monotonicMs();
  let failures = 0;
  let reach: "unknown" | "online" | "offline" = "unknown";
  let own: DeviceState | undefined;
  let ownCycle = startCycle(options.stateCycleMs, clock.monotonicMs());

  function setReach(next: "online" | "offline"): void {
    if (reach === next) return;
    reach = next;
    own = undefined;
    log.info({ state: next }, "the device is now in this state");
    events.onNews();
  }

  async function ensureOpen(signal: AbortSignal): Promise<boolean> {
    const { device } = current.plan;
    if (handle.openedFor() === device) return true;
    await handle.close();
    if (!handle.mayOpen() || !isDue(openDueMs, clock.monotonicMs())) return false;
    if (!(await handle.open(device, signal))) {
      lose();
      return false;
    }
    failures = 0;
    ownCycle = startCycle(ownCycle.cycleMs, clock.monotonicMs());
    setReach("online");
    return true;
  }

  /** The handle is gone or useless: the next one later. */
  function lose(): void {
    openDueMs = clock.monotonicMs() + reopen.nextDelayMs();
    setReach("offline");
  }

  async function readFailed(): Promise<void> {
    counters.add("readFailures");
    failures++;
    if (handle.openedFor() !== undefined && failures < options.offlineAfterFailures) return;
    await handle.close();
    lose();
  }

  async function readOne(entry: Entry, signal: AbortSignal): Promise<void> {
    const { property } = entry.plan;
    entry.collect = afterRun(entry.collect, clock.monotonicMs());
    let raw: unknown;
    try {
      counters.add("reads");
      raw = await handle.call((open, context) => open.read(property, context), signal);
    } catch (error) {
      if (signal.aborted) return;
      complain(entry, error, "a property cannot be read");
      await readFailed();
      return;
    }
    failures = 0;
    reopen.reset();
    take(entry, raw);
  }

  function take(entry: Entry, raw: unknown): void {
    const { property } = entry.plan;
    try {
      const { text, value } = formatReading(raw, property.type);
      if (Buffer.byteLength(text) > options.maxValueBytes) throw new MapperError("VALUE_INVALID", "too long");
      if (!isInRange(value, property)) counters.add("readingsOutOfRange");
      entry.twin = withReading(entry.twin, { text, atMs: clock.nowMs() });
      entry.isReadFailing = false;
      events.onNews();
    } catch (error) {
      counters.add("refusedReadings");
      complain(entry, error, "a reading was refused");
    }
  }

  function complain(entry: Entry, error: unknown, message: string): void {
    if (!entry.isReadFailing)
      log.warn({ property: entry.plan.property.name, reason: reasonOf(error) }, message);
    entry.isReadFailing = true;
  }

  async function writeOne(entry: Entry, signal: AbortSignal): Promise<void> {
    const { desired, property } = entry.plan;
    let value: Value;
    try {
      value = writable(entry);
    } catch (error) {
      counters.add("refusedDesired");
      log.warn({ property: property.name, reason: reasonOf(error) }, "a desired value was refused");
      entry.twin = withSettledDesired(entry.twin, desired);
      entry.isDesiredFailing = true;
      events.onNews();
      return;
    }
    try {
      counters.add("writes");
      await handle.call((open, context) => open.write?.(property, value, context), signal);
    } catch (error) {
      if (signal.aborted) return;
      writeFailed(entry, desired, error);
      return;
    }
    wasWritten(entry, desired);
  }

  function wasWritten(entry: Entry, desired: string): void {
    const nowMs = clock.monotonicMs();
    entry.twin = withSettledDesired(entry.twin, desired);
    entry.writeFailures = 0;
    entry.isDesiredFailing = false;
    // What the device made of it is worth knowing now.
    entry.collect = { ...entry.collect, dueMs: nowMs };
    if (entry.report) entry.report = { ...entry.report, dueMs: nowMs };
    log.info({ property: entry.plan.property.name }, "a desired value was written");
  }

  function writable({ plan: { desired, property } }: Entry): Value {
    if (!property.writable) throw new MapperError("VALUE_INVALID", "the property is read-only");
    if (!handle.has("write")) throw new MapperError("VALUE_INVALID", "the driver does not write");
    if (Buffer.byteLength(desired) > options.maxValueBytes)
      throw new MapperError("VALUE_INVALID", "too long");
    return parseDesired(desired, property);
  }

  function writeFailed(entry: Entry, desired: string, error: unknown): void {
    counters.add("writeFailures");
    if (handle.openedFor() === undefined) lose();
    if (entry.plan.desired !== desired) return; // another one came meanwhile, and is due
    entry.writeDueMs = clock.monotonicMs() + pauseMs(entry.writeFailures++, pauses);
    if (entry.isDesiredFailing) return;
    entry.isDesiredFailing = true;
    log.warn(
      { property: entry.plan.property.name, reason: reasonOf(error) },
      "a desired value could not be written: it is tried again",
    );
    events.onNews();
  }

  async function askState(signal: AbortSignal): Promise<void> {
    const cycleMs = current.plan.stateCycleMs ?? ownCycle.cycleMs;
    ownCycle = afterRun({ ...ownCycle, cycleMs }, clock.monotonicMs());
    try {
      const said = await handle.call((open, context) => open.state?.(context), signal);
      const next = DEVICE_STATES.find((state) => state === said);
      if (own !== next) events.onNews();
      own = next;
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ reason: reasonOf(error) }, "the device does not say its state");
      await readFailed();
    }
  }

  const wantsState = (): boolean => current.plan.stateCycleMs !== undefined && handle.has("state");

  /** The next thing to do with the open handle. */
  function nextCall(): ((signal: AbortSignal) => Promise<void>) | undefined {
    const nowMs = clock.monotonicMs();
    const entries = [...current.entries.values()];
    const toWrite = entries.find(
      (entry) => isDesiredOpen(entry.twin, entry.plan) && isDue(entry.writeDueMs, nowMs),
    );
    if (toWrite) return (signal) => writeOne(toWrite, signal);
    if (wantsState() && isDue(ownCycle.dueMs, nowMs)) return askState;
    const late = entries.filter((entry) => isDue(entry.collect.dueMs, nowMs));
    const first = late.sort((a, b) => a.collect.dueMs - b.collect.dueMs)[0];
    return first && ((signal) => readOne(first, signal));
  }

  function untilNextCall(): number | undefined {
    const dues = [...current.entries.values()].map(({ collect }) => collect.dueMs);
    const writes = [...current.entries.values()].filter(({ twin, plan }) => isDesiredOpen(twin, plan));
    if (wantsState()) dues.push(ownCycle.dueMs);
    return untilNext([...dues, ...writes.map(({ writeDueMs }) => writeDueMs)], clock.monotonicMs());
  }

  return {
    step: async (signal) => {
      while (!signal.aborted) {
        if (!(await ensureOpen(signal))) {
          return handle.mayOpen() ? Math.max(0, openDueMs - clock.monotonicMs()) : undefined;
        }
        const call = nextCall();
        if (call === undefined) return untilNextCall();
        await call(signal);
      }
      return undefined;
    },
    state: () => {
      if (reach !== "online") return reach;
      if (own !== undefined) return own;
      const isFailing = [...current.entries.values()].some(({ isDesiredFailing }) => isDesiredFailing);
      return isFailing ? "unhealthy" : "online";
    },
    close: () => handle.close(),
  };
}
