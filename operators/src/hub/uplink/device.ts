// SPDX-License-Identifier: Apache-2.0
import type { DeviceMetrics } from "../metrics.ts";
import { readStateReport, readTwinReport, type DeviceReport } from "./device-report.ts";
import { DeviceStatuses, defaultDeviceStatusOptions, type DeviceStatusOptions } from "./device-status.ts";
import {
  type Action,
  type Actions,
  type Answer,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";

const STATE = "device/state/update";
const TWIN = "device/twin/edge_updated";

/** Values and states of devices. Frames of one device that wait are written together, whichever of the two they are. */
export function deviceActions(
  metrics: DeviceMetrics,
  options: DeviceStatusOptions = defaultDeviceStatusOptions,
): Actions {
  const statuses = new DeviceStatuses(options);
  const update: Action = {
    // The edge repeats what is not answered.
    failure: "final",
    isMergeable: true,
    reply: { source: "devicecontroller", group: "twin", resource: "twin" },
    run: (request, tools, merged) => report({ request, merged, tools }, statuses, metrics),
  };
  return { types: [TWIN, STATE], operations: { update } };
}

interface Run {
  readonly request: UplinkRequest;
  readonly merged: readonly UplinkRequest[];
  readonly tools: UplinkTools;
}

async function report(
  { request, merged, tools }: Run,
  statuses: DeviceStatuses,
  metrics: DeviceMetrics,
): Promise<Answer> {
  const { reports, failed } = readAll(merged);
  if (reports.length === 0) return { content: "OK", failed };
  const { isWritten, skipped } = await statuses.write(request, reports, tools);
  metrics.reports.inc({ result: isWritten ? "written" : "unchanged" }, reports.length);
  const left = Object.entries(skipped);
  for (const [reason, times] of left) metrics.skipped.inc({ reason }, times);
  if (left.length > 0) {
    const { namespace, name } = request.resource;
    request.session.log.info({ namespace, name, skipped }, "entries of a device report left out");
  }
  return { content: "OK", failed };
}

/** One frame that makes no sense takes nothing from the others. */
function readAll(requests: readonly UplinkRequest[]): {
  reports: DeviceReport[];
  failed: Map<UplinkRequest, UplinkRefusal>;
} {
  const reports: DeviceReport[] = [];
  const failed = new Map<UplinkRequest, UplinkRefusal>();
  for (const request of requests) {
    try {
      const read = request.resource.type === STATE ? readStateReport : readTwinReport;
      reports.push(read(request.frame.content));
    } catch (error) {
      if (!(error instanceof UplinkRefusal)) throw error;
      failed.set(request, error);
    }
  }
  return { reports, failed };
}
