// SPDX-License-Identifier: Apache-2.0
import type { Draft } from "./draft.ts";
import type { Task } from "./port.ts";
import { isFailed } from "./tolerance.ts";

/**
 * Another attempt was asked for: nodes that failed or went silent in an earlier one are to begin again, and where the
 * job was stopped, those that never began.
 */
export function retryFailed(draft: Draft, wasStopped: boolean): void {
  const { attempt } = draft.job;
  let retried = 0;
  for (const [index, task] of draft.tasks.entries()) {
    if (attempt <= task.attempt || !(isFailed(task) || (wasStopped && task.phase === "Pending"))) continue;
    draft.put(index, freshTask(task, attempt));
    retried++;
  }
  if (retried === 0) return;
  draft.isRetried = true;
  draft.events.note("Retried", `${retried} nodes begin again, attempt ${attempt}`);
}

const freshTask = ({ nodeName }: Task, attempt: number): Task => ({ nodeName, phase: "Pending", attempt });
