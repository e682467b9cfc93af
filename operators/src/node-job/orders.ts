// SPDX-License-Identifier: Apache-2.0
import { OLD_ORDER_KIND, ORDER_KIND, type JobKind } from "@longshore/crds/tasks";
import type { Nodes, Task, TaskOrder } from "./port.ts";
import { isDrivenInOldWords } from "./words-v1alpha1.ts";

/**
 * The orders that are out: tasks that are InProgress in the status that is stored, and that were begun here. A task
 * that KubeEdge had begun has no `startTime`: its node has its order already.
 *
 * The dialect was chosen when the task began, and is kept in its state: an edge that comes back newer from its upgrade
 * must not be ordered the same job again in newer words.
 *
 * @param nodes where a Node is gone nobody can be ordered anything
 */
export function ordersOf(kind: JobKind, tasks: readonly Task[], nodes: Pick<Nodes, "get">): TaskOrder[] {
  return tasks.flatMap((task) => {
    if (task.phase !== "InProgress" || task.startTime === undefined) return [];
    return nodes.get(task.nodeName) === undefined ? [] : [orderOf(kind, task)];
  });
}

const orderOf = (kind: JobKind, task: Task): TaskOrder =>
  kind !== "ConfigUpdateJob" && isDrivenInOldWords(task)
    ? { kind: OLD_ORDER_KIND[kind], node: task.nodeName, salt: task.state ?? "" }
    : { kind: ORDER_KIND[kind], node: task.nodeName, salt: "" };
