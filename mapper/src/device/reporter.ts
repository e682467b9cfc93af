// SPDX-License-Identifier: Apache-2.0
import { createBackoff } from "../backoff.ts";
import type { DeviceState } from "../driver.ts";
import type { Current } from "./collector.ts";
import type { DeviceDeps, ReportResult } from "./context.ts";
import type { Entry } from "./entries.ts";
import { isDue, startCycle, untilNext, type Cycle } from "./schedule.ts";
import { asReported, asUnreported, hasNews, toTwin } from "./twin.ts";

/** Properties that are due within this part of their cycle go along with one that is due. */
const COMPANY = 0.1;

/** The half of a device that talks with the edge: sends what is new when it is due. */
export interface Reporter {
  /** Milliseconds until the next report, undefined when only an event brings more. */
  readonly step: (signal: AbortSignal) => Promise<number | undefined>;
  /** The edge is there again, and may have died with what it took: all that is known goes now. */
  edgeReady(): void;
}

type Reporting = Entry & { report: Cycle };
const isReported = (entry: Entry): entry is Reporting => entry.report !== undefined;
const isReporting = (entry: Entry): entry is Reporting => isReported(entry) && hasNews(entry.twin);

/** @param stateOf the state of the device now */
export function createReporter(deps: DeviceDeps, current: Current, stateOf: () => DeviceState): Reporter {
  const { clock, counters, edge, options } = deps;
  const retry = createBackoff({
    baseMs: options.retryBaseMs,
    capMs: options.retryCapMs,
    random: deps.random,
  });
  let retryDueMs = 0;
  let stateCycle: Cycle | undefined;
  let reportedState: DeviceState | undefined;

  async function send(entries: readonly Reporting[], signal: AbortSignal): Promise<ReportResult> {
    const sent = entries.map(({ twin, report }) => ({ version: twin.version, report }));
    const twins = entries.map(({ twin, plan }) => toTwin(twin, plan));
    const result = await edge.status(current.plan.device, twins, signal);
    counters.add(result === "taken" ? "reports" : "reportFailures");
    if (result === "later") return result;
    const nowMs = clock.monotonicMs();
    sent.forEach(({ version, report }, i) => {
      const entry: Entry | undefined = entries[i];
      if (!entry) return;
      // Another one came meanwhile: something is to be told at once, or with another period, or no more.
      if (entry.report === report) entry.report = { ...report, dueMs: nowMs + report.cycleMs };
      if (result === "taken") entry.twin = asReported(entry.twin, version);
    });
    return result;
  }

  /** One twin that the edge will not take must not keep the others of its device back. */
  async function sendDue(signal: AbortSignal): Promise<ReportResult | "nothing"> {
    const nowMs = clock.monotonicMs();
    const news = [...current.entries.values()].filter(isReporting);
    if (!news.some(({ report }) => isDue(report.dueMs, nowMs))) return "nothing";
    const company = news.filter(({ report }) => isDue(report.dueMs - report.cycleMs * COMPANY, nowMs));
    const result = await send(company, signal);
    if (result !== "refused" || company.length === 1) return result;
    for (const entry of company) {
      if ((await send([entry], signal)) === "later") return "later";
    }
    return result;
  }

  async function sendState(signal: AbortSignal): Promise<ReportResult | "nothing"> {
    const cycleMs = current.plan.stateCycleMs;
    const nowMs = clock.monotonicMs();
    const state = stateOf();
    if (cycleMs === undefined || state === "unknown") return "nothing";
    if (stateCycle?.cycleMs !== cycleMs) stateCycle = startCycle(cycleMs, nowMs);
    if (reportedState === state && !isDue(stateCycle.dueMs, nowMs)) return "nothing";
    const result = await edge.state(current.plan.device, state, signal);
    counters.add(result === "taken" ? "stateReports" : "stateReportFailures");
    if (result === "later") return result;
    reportedState = state;
    stateCycle = { cycleMs, dueMs: clock.monotonicMs() + cycleMs };
    return result;
  }

  function untilNextReport(): number | undefined {
    const dues = [...current.entries.values()].filter(isReporting).map(({ report }) => report.dueMs);
    if (current.plan.stateCycleMs !== undefined && stateCycle) dues.push(stateCycle.dueMs);
    return untilNext(dues, clock.monotonicMs());
  }

  return {
    step: async (signal) => {
      if (!edge.isReady()) return undefined;
      const waitMs = retryDueMs - clock.monotonicMs();
      if (waitMs > 0) return waitMs; // a new reading is no reason to ask sooner
      const results = [await sendDue(signal), await sendState(signal)];
      if (!results.includes("later")) {
        retry.reset();
        return untilNextReport();
      }
      const pauseMs = retry.nextDelayMs();
      retryDueMs = clock.monotonicMs() + pauseMs;
      return pauseMs;
    },
    edgeReady: () => {
      retryDueMs = 0;
      reportedState = undefined;
      for (const entry of [...current.entries.values()].filter(isReported)) {
        entry.twin = asUnreported(entry.twin);
        entry.report = { ...entry.report, dueMs: clock.monotonicMs() };
      }
    },
  };
}
