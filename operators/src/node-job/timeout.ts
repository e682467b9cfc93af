// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import type { Draft } from "./draft.ts";
import { isWaiting } from "./flow.ts";
import type { Task } from "./port.ts";
import { msOf } from "./times.ts";

/** KubeEdge's words. */
const TIMED_OUT = "The node task has timed out";
export const UNREACHED = "the node was not reached in time: it begins when it is back";

/**
 * Gives up tasks whose next step takes too long, by the leader's clock alone.
 *
 * One whose order never reached its node goes back among those that wait: nothing can have happened there.
 *
 * @returns milliseconds until the next task is due
 */
export function expire(draft: Draft): number | undefined {
  let nextMs: number | undefined;
  for (const [index, task] of draft.tasks.entries()) {
    if (task.phase !== "InProgress" || mayWait(draft, task)) continue;
    const dueMs = dueInMs(draft, index, task);
    if (dueMs > 0) nextMs = Math.min(nextMs ?? dueMs, dueMs);
  }
  return nextMs;
}

/** Where the Node is gone, nobody is left to confirm: it would hold its slot for ever. */
const mayWait = ({ job, input }: Draft, task: Task): boolean =>
  isWaiting(task, job.requireConfirmation) && input.nodes.get(task.nodeName) !== undefined;

/** @returns 0 for one that is not at work any more */
function dueInMs(draft: Draft, index: number, task: Task): number {
  const { timeoutMs } = draft.job;
  const { nowMs } = draft.input;
  const sinceMs = msOf(task.lastReportTime) ?? msOf(task.startTime);
  // Without a time it was begun by another controller; one in the future is of a leader whose clock was wrong.
  if (sinceMs === undefined || sinceMs > nowMs + timeoutMs) {
    draft.put(index, { ...task, lastReportTime: draft.now });
    return timeoutMs;
  }
  const dueMs = sinceMs + timeoutMs - nowMs;
  if (dueMs > 0) return dueMs;
  if (draft.input.unreached.has(task.nodeName) && isUntouched(task)) returned(draft, index, task);
  else timedOut(draft, index, task);
  return 0;
}

const isUntouched = ({ actionFlow = [], event = "" }: Task): boolean =>
  actionFlow.length === 0 && event === "";

function returned(draft: Draft, index: number, { nodeName, attempt }: Task): void {
  draft.put(index, { nodeName, phase: "Pending", attempt, reason: UNREACHED });
  draft.events.note("NodeUnreached", `${nodeName} was not reached in time; it begins when it is back`, {
    node: nodeName,
  });
}

function timedOut(draft: Draft, index: number, task: Task): void {
  draft.put(index, { ...without(task, "lastReportTime", "progress"), phase: "Unknown", reason: TIMED_OUT });
  const doing = (task.actionFlow ?? []).at(-1)?.action;
  const after = doing === undefined ? "before its first step" : `after ${doing}`;
  draft.events.warn(
    "NodeTimedOut",
    `${task.nodeName} told of no step for ${draft.job.timeoutMs / 1000} s ${after}; ` +
      `look at its agent's log, then annotate the job longshore.io/attempt=${draft.job.attempt + 1} to try again`,
    { node: task.nodeName },
  );
}
