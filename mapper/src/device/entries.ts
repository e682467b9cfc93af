// SPDX-License-Identifier: Apache-2.0
import { isSameProperty, type DevicePlan, type PropertyPlan } from "./plan.ts";
import { startCycle, withPeriod, type Cycle } from "./schedule.ts";
import { NEW_TWIN, withSeenDesired, type TwinState } from "./twin.ts";

/** Everything that is known of one property. A changed property gets a new entry: late results go to the old one. */
export interface Entry {
  plan: PropertyPlan;
  twin: TwinState;
  collect: Cycle;
  report: Cycle | undefined;
  /** The next attempt to write the desired value, of the clock that never goes back. */
  writeDueMs: number;
  writeFailures: number;
  /** The desired value was refused, or its last write failed. */
  isDesiredFailing: boolean;
  /** The last reading failed or was refused: logged once. */
  isReadFailing: boolean;
}

export type Entries = ReadonlyMap<string, Entry>;

export interface Now {
  /** of the clock that never goes back */
  readonly monotonicMs: number;
  /** since the epoch */
  readonly wallMs: number;
}

/** The entries of a plan; those whose property is the same as in the plan before are kept. */
export function entriesOf(
  next: DevicePlan,
  now: Now,
  old?: { readonly plan: DevicePlan; readonly entries: Entries },
): Entries {
  return new Map(
    next.properties.map((plan) => {
      const { name } = plan.property;
      const kept = old && isSameProperty(old.plan, next, name) ? old.entries.get(name) : undefined;
      return [name, kept ? updated(kept, plan, now) : newEntry(plan, now)];
    }),
  );
}

function newEntry(plan: PropertyPlan, { monotonicMs, wallMs }: Now): Entry {
  return {
    plan,
    twin: plan.desired === "" ? NEW_TWIN : withSeenDesired(NEW_TWIN, wallMs),
    collect: startCycle(plan.collectCycleMs, monotonicMs),
    report: plan.reportCycleMs === undefined ? undefined : startCycle(plan.reportCycleMs, monotonicMs),
    writeDueMs: monotonicMs,
    writeFailures: 0,
    isDesiredFailing: false,
    isReadFailing: false,
  };
}

function updated(entry: Entry, plan: PropertyPlan, now: Now): Entry {
  if (plan.desired !== entry.plan.desired) {
    entry.twin = withSeenDesired(entry.twin, now.wallMs);
    entry.writeDueMs = now.monotonicMs;
    entry.writeFailures = 0;
    entry.isDesiredFailing = false;
    if (entry.report) entry.report = { ...entry.report, dueMs: now.monotonicMs };
  }
  entry.collect = withPeriod(entry.collect, plan.collectCycleMs, now.monotonicMs);
  entry.report = reportCycle(entry.report, plan.reportCycleMs, now.monotonicMs);
  entry.plan = plan;
  return entry;
}

function reportCycle(old: Cycle | undefined, cycleMs: number | undefined, nowMs: number): Cycle | undefined {
  if (cycleMs === undefined) return undefined;
  return old === undefined ? startCycle(cycleMs, nowMs) : withPeriod(old, cycleMs, nowMs);
}
