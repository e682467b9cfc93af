// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import type { Draft } from "./draft.ts";
import type { Job, NodeFact, Task } from "./port.ts";
import { unfit } from "./select.ts";
import { blockerFor } from "./supersede.ts";
import { UNREACHED } from "./timeout.ts";
import { exceeds, isFailed } from "./tolerance.ts";
import { dialectFor } from "./versions.ts";
import { INITIAL_STATE } from "./words-v1alpha1.ts";

/**
 * Begins as many tasks as there are free slots, in the order of the job's nodes. One that is at work already comes
 * first, one that could not be reached before comes last, so that it cannot keep the slot from the others.
 */
export function schedule(draft: Draft, isStopped: boolean): void {
  endUnfit(draft);
  if (isStopped || isCrossed(draft)) return;
  let free = draft.job.concurrency - draft.tasks.filter(({ phase }) => phase === "InProgress").length;
  if (free <= 0) return;
  const blocker = blockerFor(draft);
  for (const index of candidates(draft)) {
    const task = draft.tasks[index] as Task;
    const node = draft.input.nodes.get(task.nodeName) as NodeFact;
    if (blocker(task.nodeName) !== undefined) continue;
    start(draft, index, node);
    free--;
    if (free === 0) return;
  }
}

const isCrossed = ({ job, tasks }: Draft): boolean =>
  exceeds(job, tasks.filter(isFailed).length, tasks.length);

/** Nodes that are gone, or that can be ordered nothing. An old node that is away may come back newer. */
function endUnfit(draft: Draft): void {
  for (const [index, task] of draft.tasks.entries()) {
    if (task.phase !== "Pending") continue;
    const reason = unfitReason(draft, task);
    if (reason === undefined) continue;
    const { nodeName, attempt } = task;
    draft.put(index, { nodeName, phase: "Failure", attempt, reason });
    draft.events.warn("NodeFailed", `${nodeName} cannot begin: ${reason}`, { node: nodeName });
  }
}

function unfitReason({ input, job }: Draft, task: Task): string | undefined {
  const node = input.nodes.get(task.nodeName);
  const reason = unfit(task.nodeName, node);
  if (reason !== undefined || node?.isReady !== true) return reason;
  const dialect = dialectFor(job, node.edgeVersion);
  return "refusal" in dialect ? dialect.refusal : undefined;
}

function candidates({ tasks, input }: Draft): number[] {
  const [first, second, last]: [number[], number[], number[]] = [[], [], []];
  for (const [index, { phase, nodeName, actionFlow = [], reason }] of tasks.entries()) {
    if (phase !== "Pending" || input.nodes.get(nodeName)?.isReady !== true) continue;
    if (input.unreached.has(nodeName)) continue;
    if (actionFlow.length > 0) first.push(index);
    else (reason === UNREACHED ? last : second).push(index);
  }
  return [...first, ...second, ...last];
}

function start(draft: Draft, index: number, node: NodeFact): void {
  const { job, now } = draft;
  const task = without(draft.tasks[index] as Task, "reason", "lastReportTime");
  const dialect = dialectFor(job, node.edgeVersion);
  const isOld = "dialect" in dialect && dialect.dialect === "v1alpha1";
  const attempt = attemptFor(job, task);
  draft.put(index, {
    ...{ ...task, phase: "InProgress", attempt, startTime: now },
    ...(job.kind === "NodeUpgradeJob" &&
      node.edgeVersion !== "" && { historicVersion: ownVersion(node.edgeVersion) }),
    state: isOld ? INITIAL_STATE : "",
  });
  draft.events.note("NodeStarted", `${task.nodeName} begins, attempt ${attempt}`, { node: task.nodeName });
}

/** A node that is at work already goes on under its number; and none begins under one that it had before. */
const attemptFor = (job: Job, { attempt, actionFlow = [] }: Pick<Task, "attempt" | "actionFlow">): number =>
  actionFlow.length > 0 ? attempt : Math.max(attempt, job.attempt);

/** Our agents call KubeEdge's version first, and then their own: `v1.23.1+longshore.0.2.0` is v0.2.0. */
const ownVersion = (edgeVersion: string): string => edgeVersion.replace(/^.*\+longshore\./, "v");
