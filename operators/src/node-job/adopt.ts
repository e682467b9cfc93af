// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import type { Job, JobStatus, Task, TaskPhase } from "./port.ts";

/** What KubeEdge's controllers leave in a status; v1alpha1 has states instead of phases. */
type Found = Partial<Omit<JobStatus, "nodeStatus">> & { readonly nodeStatus?: readonly Partial<Task>[] };

const PHASES = new Set<string>(["Pending", "InProgress", "Successful", "Failure", "Unknown"]);
const OF_STATE: Readonly<Record<string, TaskPhase>> = {
  Successful: "Successful",
  Failed: "Failure",
  Init: "Pending",
};
const ENDED_STATE: Readonly<Record<string, JobStatus["phase"]>> = {
  Successful: "Completed",
  Failed: "Failure",
};

/**
 * A status as it is read here. A job that KubeEdge had begun goes on where it is: what it ended stays so, and nodes
 * that it has at work are not ordered again.
 */
export function adopted(job: Job, status: JobStatus | undefined): JobStatus | undefined {
  if (status === undefined || status.sequence !== undefined) return status;
  const found: Found = status;
  const phase = ENDED_STATE[found.state ?? ""] ?? found.phase;
  const nodeStatus = (found.nodeStatus ?? []).flatMap(adoptedTask);
  if (phase === "Completed" || phase === "Failure") return ended(job, status, { phase, nodeStatus });
  return nodeStatus.length === 0
    ? undefined
    : { ...status, phase: "InProgress", nodeStatus, sequence: job.sequence };
}

/** Jobs of v1alpha1 keep their nodes elsewhere: those stay as they are. */
function ended(
  { sequence }: Job,
  status: JobStatus,
  { phase, nodeStatus }: { readonly phase: JobStatus["phase"]; readonly nodeStatus: readonly Task[] },
): JobStatus {
  return { ...without(status, "nodeStatus"), phase, sequence, ...(nodeStatus.length > 0 && { nodeStatus }) };
}

/** KubeEdge knows of no other attempt than the first. */
function adoptedTask(task: Partial<Task>): Task[] {
  const { nodeName } = task;
  if (nodeName === undefined) return [];
  const { phase = OF_STATE[task.state ?? ""] ?? "InProgress" } = task;
  return [
    {
      ...without(task, "startTime"),
      nodeName,
      phase: PHASES.has(phase) ? phase : "Pending",
      attempt: task.attempt ?? 1,
    },
  ];
}
