// SPDX-License-Identifier: Apache-2.0
import type { Job, JobStatus, Nodes, Task } from "./port.ts";
import { isFailed } from "./tolerance.ts";

export type Summary = NonNullable<JobStatus["summary"]>;

/** Names of some nodes, for people to begin with. */
const NAMED_NODES = 3;

/** Counts and names of one look at all tasks. */
export interface Tally {
  readonly summary: Summary;
  readonly superseded: number;
  readonly confirming: Names;
  readonly running: Names;
  readonly offline: Names;
}

/** How many, and the first few of them. */
export interface Names {
  readonly count: number;
  readonly some: readonly string[];
}

export const phrase = ({ count, some }: Names): string =>
  count > some.length ? `${some.join(", ")} and ${count - some.length} more` : some.join(", ");

/** @param isConfirming the node waits for somebody to confirm */
export function tally(
  { job, tasks }: { readonly job: Job; readonly tasks: readonly Task[] },
  nodes: Nodes,
  isConfirming: (task: Task) => boolean,
): Tally {
  const counts = { done: 0, failed: 0, pending: 0, superseded: 0 };
  const [confirming, running, offline] = [namer(), namer(), namer()];
  for (const task of tasks) {
    if (task.phase === "Successful") counts.done++;
    else if (task.supersededBy !== undefined) counts.superseded++;
    else if (isFailed(task)) counts.failed++;
    else if (task.phase === "Pending") counts.pending++;
    if (task.phase === "InProgress") running.add(task.nodeName);
    if (task.phase === "Pending" && nodes.get(task.nodeName)?.isReady !== true) offline.add(task.nodeName);
    if (isConfirming(task)) confirming.add(task.nodeName);
  }
  const { superseded, ...rest } = counts;
  const size = { total: tasks.length, running: running.names.count, offline: offline.names.count };
  return {
    summary: { ...rest, ...size, ...subjectsOf(job) },
    ...{ superseded, confirming: confirming.names, running: running.names, offline: offline.names },
  };
}

function subjectsOf({ kind, images, fields }: Job): Partial<Summary> {
  if (kind === "ConfigUpdateJob") return { fields: fields.length };
  return kind === "ImagePrePullJob" && images !== undefined ? { images } : {};
}

function namer(): { add(name: string): void; readonly names: Names } {
  const names = { count: 0, some: [] as string[] };
  return {
    names,
    add(name) {
      names.count++;
      if (names.some.length < NAMED_NODES) names.some.push(name);
    },
  };
}
