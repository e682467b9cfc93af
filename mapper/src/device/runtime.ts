// SPDX-License-Identifier: Apache-2.0
import type { Twin } from "@longshore/crds/dmi";
import type { DeviceState } from "../driver.ts";
import { reasonOf } from "../errors.ts";
import { FleetError, type DeviceMethodInfo, type Reading } from "../rest/port.ts";
import { createCollector, type Current } from "./collector.ts";
import type { DeviceDeps } from "./context.ts";
import { entriesOf, type Entry, type Now } from "./entries.ts";
import { createLane } from "./lane.ts";
import { checkCall, methodInfos, type MethodRequest } from "./method.ts";
import { needsReopen, type DevicePlan } from "./plan.ts";
import { createPublisher } from "./publisher.ts";
import { createReporter } from "./reporter.ts";
import { toTwin } from "./twin.ts";

/** What is known of a running device, for metrics. */
export interface DeviceFigures {
  readonly state: DeviceState;
  readonly hungCalls: number;
  /** Streams that run now. */
  readonly streams: number;
}

/** One running device: a lane each towards driver, edge and data plane, so that none waits for another. */
export interface DeviceRuntime {
  /** Runs by another plan from the next call on. */
  update(plan: DevicePlan): void;
  /** The edge is there again: what waited goes. */
  edgeReady(): void;
  twins(): readonly Twin[];
  figures(): DeviceFigures;
  /** Asks the device itself. @throws {FleetError} */
  read(property: string, signal: AbortSignal): Promise<Reading>;
  methods(): readonly DeviceMethodInfo[];
  /** @throws {FleetError} */
  call(request: MethodRequest, signal: AbortSignal): Promise<string | undefined>;
  /** Aborts what runs and closes the handle; no timer of this device is left when it resolves. */
  stop(): Promise<void>;
}

/** @param after the end of the device that ran under this name before: two never talk to one device */
export function startDevice(deps: DeviceDeps, plan: DevicePlan, after: Promise<void>): DeviceRuntime {
  const { clock, log } = deps;
  const now = (): Now => ({ monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() });
  const current: Current = { plan, entries: entriesOf(plan, now()) };
  const onFault = (error: unknown): void =>
    log.error({ reason: reasonOf(error) }, "a fault of the mapper itself");
  let isFirst = true;
  let isStopped = false;
  const tell = (): void => {
    reports.poke();
    if (publisher.isNeeded()) pushes.poke();
  };
  const collector = createCollector(deps, current, { onNews: tell, onWork: () => calls.poke() });
  const reporter = createReporter(deps, current, collector.state);
  const publisher = createPublisher(clock, current, deps.dataPlane);
  const calls = createLane(
    clock,
    async (signal) => {
      if (isFirst) await after;
      isFirst = false;
      return collector.step(signal);
    },
    onFault,
  );
  const reports = createLane(clock, reporter.step, onFault);
  const pushes = createLane(clock, () => Promise.resolve(publisher.step()), onFault);
  const { requests } = collector;

  /** Looked up anew when its turn comes: the device may have changed meanwhile. */
  function entryOf(property: string): Entry {
    if (isStopped) throw new FleetError("NOT_FOUND", "the device is gone");
    const entry = current.entries.get(property);
    if (!entry) throw new FleetError("NOT_FOUND", "the device has no property of this name");
    return entry;
  }
  const check = (request: MethodRequest): ReturnType<typeof checkCall> =>
    checkCall(current.plan, request, deps.options.maxValueBytes);

  calls.poke();
  return {
    update: (next) => {
      const kept = needsReopen(current.plan, next) ? next : { ...next, device: current.plan.device };
      current.entries = entriesOf(next, now(), current);
      current.plan = kept;
      calls.poke();
      tell();
    },
    edgeReady: () => {
      reporter.edgeReady();
      reports.poke();
    },
    twins: () =>
      [...current.entries.values()]
        .filter(({ twin }) => twin.latest !== undefined)
        .map(({ twin, plan: property }) => toTwin(twin, property)),
    figures: () => ({
      state: collector.state(),
      hungCalls: collector.hungCalls(),
      streams: collector.streams(),
    }),
    read: async (property, signal) => {
      entryOf(property);
      const entry = (): Entry => entryOf(property);
      const reading = await requests.ask((given) => collector.calls.readNow(entry(), given), signal);
      const { type, unit } = entry().plan.property;
      return { type, unit, value: reading.text, atMs: reading.atMs };
    },
    methods: () => methodInfos(current.plan),
    call: async (request, signal) => {
      check(request);
      entryOf(request.property);
      return requests.ask((given) => {
        const call = check(request);
        return collector.calls.method(entryOf(request.property), call, given);
      }, signal);
    },
    stop: async () => {
      isStopped = true;
      await Promise.all([calls.stop(), reports.stop(), pushes.stop()]);
      await collector.close();
    },
  };
}
