// SPDX-License-Identifier: Apache-2.0
import type { Task } from "../port.ts";
import type { StoredJob } from "./stored-job.ts";

const known = new WeakMap<object, ReadonlyMap<string, Task>>();

/** Tasks of a job, by node. Made once for each version of it; none of a job that has ended. */
export function tasksByNode({ status }: Pick<StoredJob, "status">): ReadonlyMap<string, Task> {
  const tasks = status?.nodeStatus ?? NONE;
  const found = known.get(tasks) ?? new Map(tasks.map((task) => [task.nodeName, task]));
  known.set(tasks, found);
  return found;
}

const NONE: readonly Task[] = [];
