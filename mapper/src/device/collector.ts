// SPDX-License-Identifier: Apache-2.0
import type { Pauses } from "../backoff.ts";
import type { DeviceState } from "../driver.ts";
import { createDeviceCalls, type Answer } from "./calls.ts";
import type { DeviceDeps } from "./context.ts";
import type { Entries, Entry } from "./entries.ts";
import { createHandleKeeper } from "./handle.ts";
import { createOpener } from "./opener.ts";
import type { DevicePlan } from "./plan.ts";
import { createReach } from "./reach.ts";
import { afterRun, isDue, startCycle, untilNext } from "./schedule.ts";
import { isDesiredOpen } from "./twin.ts";

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

type Call = (signal: AbortSignal) => Promise<Answer>;

/** Reads properties when they are due and writes desired values, one call at a time. */
export function createCollector(deps: DeviceDeps, current: Current, events: CollectorEvents): Collector {
  const { clock, log, options } = deps;
  const pauses: Pauses = { baseMs: options.retryBaseMs, capMs: options.retryCapMs, random: deps.random };
  const handle = createHandleKeeper(deps, events.onCallEnded);
  const opener = createOpener(clock, handle, pauses);
  const calls = createDeviceCalls(deps, handle, pauses);
  const reach = createReach((state) => {
    log.info({ state }, "the device is now in this state");
    events.onNews();
  });
  let ownState = startCycle(options.stateCycleMs, clock.monotonicMs());

  const all = (): Entry[] => [...current.entries.values()];
  const wantsState = (): boolean => current.plan.stateCycleMs !== undefined && handle.has("state");
  const read =
    (entry: Entry): Call =>
    (signal) => {
      entry.collect = afterRun(entry.collect, clock.monotonicMs());
      return calls.read(entry, signal);
    };
  const askState: Call = (signal) => {
    const cycleMs = current.plan.stateCycleMs ?? options.stateCycleMs;
    ownState = afterRun({ ...ownState, cycleMs }, clock.monotonicMs());
    return calls.askState(reach.said, signal);
  };

  /** The next thing to do with the open handle: wishes first, then what waited longest. */
  function nextCall(): Call | undefined {
    const nowMs = clock.monotonicMs();
    const toWrite = all().find(
      ({ twin, plan, writeDueMs }) => isDesiredOpen(twin, plan) && isDue(writeDueMs, nowMs),
    );
    if (toWrite) return (signal) => calls.write(toWrite, signal);
    if (wantsState() && isDue(ownState.dueMs, nowMs)) return askState;
    const late = all().filter(({ collect }) => isDue(collect.dueMs, nowMs));
    const [first] = late.sort((a, b) => a.collect.dueMs - b.collect.dueMs);
    return first && read(first);
  }

  function untilNextCall(): number | undefined {
    const reads = all().map(({ collect }) => collect.dueMs);
    const writes = all().filter(({ twin, plan }) => isDesiredOpen(twin, plan));
    const states = wantsState() ? [ownState.dueMs] : [];
    const dues = [...reads, ...states, ...writes.map(({ writeDueMs }) => writeDueMs)];
    return untilNext(dues, clock.monotonicMs());
  }

  async function digest(answer: Answer): Promise<void> {
    if (answer === "answered") {
      opener.answered();
      reach.answered();
    }
    if (answer === "failed" && (await opener.failed(options.offlineAfterFailures))) reach.lost();
    events.onNews();
  }

  async function isOpen(signal: AbortSignal): Promise<boolean> {
    const result = await opener.ensureOpen(current.plan.device, signal);
    if (result === "later") reach.lost();
    if (result === "opened") {
      ownState = startCycle(options.stateCycleMs, clock.monotonicMs());
      if (current.entries.size === 0) reach.answered();
    }
    return result !== "later";
  }

  return {
    step: async (signal) => {
      while (!signal.aborted) {
        if (!(await isOpen(signal))) return opener.untilOpen();
        const call = nextCall();
        if (call === undefined) return untilNextCall();
        await digest(await call(signal));
      }
      return undefined;
    },
    state: () => reach.state(all().some(({ isDesiredFailing }) => isDesiredFailing)),
    close: handle.close,
  };
}
