// SPDX-License-Identifier: Apache-2.0
import {
  formatTaskResource,
  REPORT_LIMITS,
  REPORT_OPERATION,
  type ActionReport,
  type NodeTaskReportAction,
} from "@longshore/crds/tasks";
import type { UplinkRequest } from "../tunnel/port.ts";
import { rfc3339, type Task } from "./task.ts";

/** What a report needs beside the task. */
export interface ReportContext {
  readonly node: string;
  readonly nowMs: number;
  /** What the step that runs is doing. */
  readonly progress?: string | undefined;
}

/** A report of the whole task to our hub: the last alone is enough. */
export function wholeReport(task: Task, context: ReportContext): UplinkRequest {
  const { order, from, actions, images, log, fromVersion, toVersion } = task;
  const last = actions.at(-1) ?? { action: task.step, status: "True", time: rfc3339(context.nowMs) };
  const progress = context.progress?.slice(0, REPORT_LIMITS.progressChars);
  return request(task, context, {
    ...stepReport(task, last, context),
    ...(from === "hub" && { uid: order.uid }),
    attempt: order.attempt,
    actions,
    ...(images && { images }),
    ...(log !== undefined && { log }),
    ...(fromVersion !== undefined && { fromVersion }),
    ...(toVersion !== undefined && { toVersion }),
    ...(progress !== undefined && { progress }),
  });
}

/** Reports to a CloudCore of what it was not told yet: one a step, with KubeEdge's fields alone. */
export function stepReports(task: Task, context: ReportContext): readonly UplinkRequest[] {
  return task.actions
    .slice(task.toldActions)
    .map((action) => request(task, context, stepReport(task, action, context)));
}

function stepReport(
  task: Task,
  { action, status, reason = "", time }: NodeTaskReportAction,
  { nowMs }: ReportContext,
): ActionReport {
  const finishTime = time ?? rfc3339(nowMs);
  return { action, succ: status === "True", finishTime, reason, extend: extendOf(task, action) };
}

const VERSION_STEPS: ReadonlySet<string> = new Set(["BackUp", "Upgrade", "RollBack"]);

/** KubeEdge's way to tell versions and images. */
function extendOf({ order: { kind }, fromVersion, toVersion, images = [] }: Task, action: string): string {
  if (kind === "ImagePrePullJob") return action === "Pull" ? JSON.stringify(images) : "";
  const tellsVersions = kind === "NodeUpgradeJob" && VERSION_STEPS.has(action);
  return tellsVersions && fromVersion !== undefined ? `${fromVersion},${toVersion ?? ""}` : "";
}

function request({ order }: Task, { node }: ReportContext, content: ActionReport): UplinkRequest {
  return {
    source: "websocket",
    group: "hub",
    operation: REPORT_OPERATION,
    resource: formatTaskResource({ dialect: "v1alpha2", kind: order.kind, job: order.name, node }),
    content,
  };
}
