// SPDX-License-Identifier: Apache-2.0
import type { Pauses } from "../backoff.ts";
import type { DeviceState } from "../driver.ts";
import { createDeviceCalls, type Answer, type DeviceCalls } from "./calls.ts";
import type { DeviceDeps } from "./context.ts";
import type { Entries, Entry } from "./entries.ts";
import { createHandleKeeper } from "./handle.ts";
import { createHungCalls } from "./hung.ts";
import { createOpener } from "./opener.ts";
import type { DevicePlan } from "./plan.ts";
import { createReach } from "./reach.ts";
import { createRequests, type Requests } from "./requests.ts";
import { afterRun, isDue, startCycle, untilNext } from "./schedule.ts";
import { createStreams } from "./streams.ts";
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
  readonly requests: Requests;
  /** For what `requests` carries out. */
  readonly calls: Pick<DeviceCalls, "readNow" | "method">;
  readonly hungCalls: () => number;
  readonly streams: () => number;
  close(): Promise<void>;
}

export interface CollectorEvents {
  /** There is something new to report. */
  readonly onNews: () => void;
  /** There may be something to do: a call that was given up has ended, or somebody asks. */
  readonly onWork: () => void;
}

type Call = (signal: AbortSignal) => Promise<Answer>;

/** Reads properties when they are due and writes desired values, one call at a time. */
export function createCollector(deps: DeviceDeps, current: Current, events: CollectorEvents): Collector {
  const { clock, counters, log, options } = deps;
  const pauses: Pauses = { baseMs: options.retryBaseMs, capMs: options.retryCapMs, random: deps.random };
  const hung = createHungCalls(deps, events.onWork);
  const streams = createStreams(deps, hung);
  const handle = createHandleKeeper(deps, hung, streams.stop);
  const opener = createOpener(clock, handle, pauses);
  const calls = createDeviceCalls(deps, handle, pauses);
  const requests = createRequests({
    clock,
    maxWaiting: options.maxWaitingRequests,
    timeoutMs: options.requestTimeoutMs,
    onAsked: events.onWork,
    onBusy: () => counters.add("refusedRequests"),
  });
  const reach = createReach((state) => {
    log.info({ state }, "the device is now in this state");
    events.onNews();
  });
  let ownState = startCycle(options.stateCycleMs, clock.monotonicMs());
  let wasRequest = false;

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

  function nextWrite(nowMs: number): Call | undefined {
    const isDueWish = ({ twin, plan, writeDueMs }: Entry): boolean =>
      isDesiredOpen(twin, plan) && isDue(writeDueMs, nowMs);
    const toWrite = all().find(isDueWish);
    return toWrite && ((signal) => calls.write(toWrite, signal));
  }

  function nextQuestion(nowMs: number): Call | undefined {
    const late = all().filter(({ collect }) => isDue(collect.dueMs, nowMs));
    const [first] = late.sort((a, b) => a.collect.dueMs - b.collect.dueMs);
    const isStateFirst = ownState.dueMs <= (first?.collect.dueMs ?? nowMs);
    return wantsState() && isStateFirst ? askState : first && read(first);
  }

  /** Wishes first, then in turn what others ask and what waited longest: who asks a lot does not stop the readings. */
  function nextCall(): Call | undefined {
    const nowMs = clock.monotonicMs();
    const write = nextWrite(nowMs);
    if (write) return write;
    const question = nextQuestion(nowMs);
    const request = question && wasRequest ? undefined : requests.next();
    wasRequest = request !== undefined;
    return request ?? question;
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

  /** Whether the device that is wanted now is open: another may have come while the last one was opened. */
  async function isOpen(signal: AbortSignal): Promise<boolean> {
    const { device } = current.plan;
    const result = await opener.ensureOpen(device, signal);
    if (signal.aborted) return false;
    if (device !== current.plan.device) return isOpen(signal);
    if (result === "later") reach.lost();
    if (result === "opened") {
      ownState = startCycle(options.stateCycleMs, clock.monotonicMs());
      if (current.entries.size === 0) reach.answered();
    }
    const open = handle.current();
    if (open) streams.sync(open, current.plan);
    return open !== undefined;
  }

  const isFailing = (): boolean =>
    streams.isFailing() || all().some(({ isDesiredFailing }) => isDesiredFailing);

  return {
    step: async (signal) => {
      while (!signal.aborted) {
        if (!(await isOpen(signal))) {
          requests.refuseAll();
          return opener.untilOpen();
        }
        const call = nextCall();
        if (call === undefined) return untilNextCall();
        await digest(await call(signal));
      }
      return undefined;
    },
    state: () => reach.state(isFailing()),
    requests,
    calls,
    hungCalls: hung.count,
    streams: streams.running,
    close: async () => {
      requests.refuseAll();
      await handle.close();
    },
  };
}
