// SPDX-License-Identifier: Apache-2.0
import type { Twin } from "@longshore/crds/dmi";
import { reasonOf } from "../errors.ts";
import { createCollector, type Current } from "./collector.ts";
import type { DeviceDeps } from "./context.ts";
import { entriesOf, type Now } from "./entries.ts";
import { createLane } from "./lane.ts";
import { needsReopen, type DevicePlan } from "./plan.ts";
import { createReporter } from "./reporter.ts";
import { toTwin } from "./twin.ts";

/** One running device: one lane towards its driver, one towards the edge, so that neither waits for the other. */
export interface DeviceRuntime {
  /** Runs by another plan from the next call on. */
  update(plan: DevicePlan): void;
  /** The edge is there again: what waited goes. */
  edgeReady(): void;
  twins(): readonly Twin[];
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
  const collector = createCollector(deps, current, {
    onNews: () => reports.poke(),
    onCallEnded: () => calls.poke(),
  });
  const reporter = createReporter(deps, current, collector.state);
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
  calls.poke();
  return {
    update: (next) => {
      const kept = needsReopen(current.plan, next) ? next : { ...next, device: current.plan.device };
      current.entries = entriesOf(next, now(), current);
      current.plan = kept;
      calls.poke();
      reports.poke();
    },
    edgeReady: () => {
      reporter.edgeReady();
      reports.poke();
    },
    twins: () =>
      [...current.entries.values()]
        .filter(({ twin }) => twin.latest !== undefined)
        .map(({ twin, plan: property }) => toTwin(twin, property)),
    stop: async () => {
      await Promise.all([calls.stop(), reports.stop()]);
      await collector.close();
    },
  };
}
