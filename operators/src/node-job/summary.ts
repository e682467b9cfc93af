// SPDX-License-Identifier: Apache-2.0
import type { Job, JobStatus, Nodes, Task } from "./port.ts";

export type Summary = NonNullable<JobStatus["summary"]>;

/** Names of some nodes, for people to begin with. */
const NAMED_NODES = 3;

/** Counts and names of one look at all tasks. */
export interface Tally {
  readonly summary: Summary;
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
    const kind = countedAs(task);
    if (kind === "running") running.add(task.nodeName);
    else counts[kind]++;
    if (kind === "pending" && nodes.get(task.nodeName)?.isReady !== true) offline.add(task.nodeName);
    if (isConfirming(task)) confirming.add(task.nodeName);
  }
  const size = { total: tasks.length, running: running.names.count, offline: offline.names.count };
  return {
    summary: { ...counts, ...size, ...subjectsOf(job) },
    ...{ confirming: confirming.names, running: running.names, offline: offline.names },
  };
}

function countedAs({ phase, supersededBy }: Task): "done" | "failed" | "pending" | "running" | "superseded" {
  if (supersededBy !== undefined) return "superseded";
  if (phase === "Successful") return "done";
  if (phase === "Pending") return "pending";
  return phase === "InProgress" ? "running" : "failed";
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
