// SPDX-License-Identifier: Apache-2.0
import { isAllowed } from "./allowed.ts";
import { isSameProperty, type DevicePlan } from "./plan.ts";
import type { PropertyPlan } from "./properties.ts";
import { startCycle, withPeriod, type Cycle } from "./schedule.ts";
import { NEW_TWIN, withSeenDesired, withSettledDesired, type Reading, type TwinState } from "./twin.ts";

/** Everything that is known of one property. A changed property gets a new entry: late results go to the old one. */
export interface Entry {
  plan: PropertyPlan;
  twin: TwinState;
  collect: Cycle;
  report: Cycle | undefined;
  push: Cycle | undefined;
  /** The last reading that was pushed. */
  pushed: Reading | undefined;
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
    report: cycleOf(undefined, plan.reportCycleMs, monotonicMs),
    push: cycleOf(undefined, plan.push?.cycleMs, monotonicMs),
    pushed: undefined,
    writeDueMs: monotonicMs,
    writeFailures: 0,
    isDesiredFailing: false,
    isReadFailing: false,
  };
}

function updated(entry: Entry, plan: PropertyPlan, now: Now): Entry {
  if (plan.desired !== entry.plan.desired) {
    entry.twin = withSeenDesired(entry.twin, now.wallMs);
    wishAgain(entry, now);
    if (entry.report) entry.report = { ...entry.report, dueMs: now.monotonicMs };
  } else if (mustJudgeAgain(entry, plan)) {
    entry.twin = withSettledDesired(entry.twin, "");
    wishAgain(entry, now);
  }
  entry.collect = withPeriod(entry.collect, plan.collectCycleMs, now.monotonicMs);
  entry.report = cycleOf(entry.report, plan.reportCycleMs, now.monotonicMs);
  entry.push = cycleOf(entry.push, plan.push?.cycleMs, now.monotonicMs);
  entry.plan = plan;
  return entry;
}

function wishAgain(entry: Entry, now: Now): void {
  entry.writeDueMs = now.monotonicMs;
  entry.writeFailures = 0;
  entry.isDesiredFailing = false;
}

/**
 * Whether the model now says otherwise of a desired value that was dealt with: what was refused may be allowed, and
 * what was written may not be. One that was written and is still allowed stays written.
 */
function mustJudgeAgain({ twin, plan: old }: Entry, plan: PropertyPlan): boolean {
  const isSettled = plan.desired !== "" && twin.settledDesired === plan.desired;
  return isSettled && isAllowed(old) !== isAllowed(plan);
}

function cycleOf(old: Cycle | undefined, cycleMs: number | undefined, nowMs: number): Cycle | undefined {
  if (cycleMs === undefined) return undefined;
  return old === undefined ? startCycle(cycleMs, nowMs) : withPeriod(old, cycleMs, nowMs);
}
