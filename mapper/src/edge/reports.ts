// SPDX-License-Identifier: Apache-2.0
import type { EdgeReports, ReportResult } from "../device/context.ts";
import { failureOf, type EdgeClient, type EdgeFailure } from "./client.ts";

const RESULTS: Readonly<Record<EdgeFailure, ReportResult>> = {
  away: "later",
  busy: "later",
  refused: "refused",
};

export interface ReportDeps {
  readonly client: Pick<EdgeClient, "reportStatus" | "reportStates">;
  readonly isReady: () => boolean;
  /** The edge did not take a call because it is not there. */
  readonly onAway: () => void;
  readonly timeoutMs: number;
  readonly maxInFlight: number;
}

/** Reports of all devices, so many at a time; each device waits for its own, so the queue is bounded by devices. */
export function createEdgeReports(deps: ReportDeps): EdgeReports {
  let inFlight = 0;
  const waiting: (() => void)[] = [];

  async function limited(signal: AbortSignal, call: () => Promise<void>): Promise<ReportResult> {
    if (inFlight >= deps.maxInFlight) await new Promise<void>((resolve) => waiting.push(resolve));
    else inFlight++;
    try {
      if (signal.aborted || !deps.isReady()) return "later";
      await call();
      return "taken";
    } catch (error) {
      const failure = failureOf(error);
      if (failure === "away" && !signal.aborted) deps.onAway();
      return RESULTS[failure];
    } finally {
      const next = waiting.shift();
      if (next) next();
      else inFlight--;
    }
  }

  return {
    isReady: deps.isReady,
    status: ({ namespace, name }, twins, signal) =>
      limited(signal, () =>
        deps.client.reportStatus(
          {
            deviceNamespace: namespace,
            deviceName: name,
            reportedDevice: { twins: [...twins], reportToCloud: false, reportCycle: 0n },
          },
          { timeoutMs: deps.timeoutMs, signal },
        ),
      ),
    state: ({ namespace, name }, state, signal) =>
      limited(signal, () =>
        deps.client.reportStates(
          { deviceNamespace: namespace, deviceName: name, state },
          { timeoutMs: deps.timeoutMs, signal },
        ),
      ),
  };
}
