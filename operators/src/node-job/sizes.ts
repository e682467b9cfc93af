// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import { REPORT_LIMITS } from "@longshore/crds/tasks";
import type { Task } from "./port.ts";

/** Nodes of one job. */
export const MAX_NODES = 10_000;
/** Jobs with more nodes keep neither steps nor logs of the nodes that succeeded. */
const DETAILED_NODES = 1_000;
/** etcd takes requests of 1.5 MiB; this leaves room for the spec, for metadata and for the nodes at work. */
const MAX_STATUS_CHARS = 1_200_000;
const MAX_TASK_CHARS = 16_384;
/** What a task takes beside its node's name, at its shortest. */
const BARE_TASK_CHARS = 100;
const SHORT_REASON_CHARS = 120;
const SHORTEST_REASON_CHARS = 32;

/** How much of each task is kept, by how many there are. */
export interface Sizes {
  readonly fit: (task: Task) => Task;
}

/** Whether the status of a job over these nodes can be stored. */
export const isStorable = (names: readonly string[]): boolean =>
  names.reduce((chars, { length }) => chars + length + BARE_TASK_CHARS, 0) <= MAX_STATUS_CHARS;

/** @param total tasks of the job */
export function sizesFor(total: number): Sizes {
  const limit = Math.min(MAX_TASK_CHARS, Math.floor(MAX_STATUS_CHARS / Math.max(1, total)));
  const isLarge = total > DETAILED_NODES;
  return { fit: (task) => shortened(isLarge ? outlined(task) : bounded(task), limit) };
}

const bounded = (task: Task): Task => ({
  ...task,
  ...(task.reason !== undefined && { reason: task.reason.slice(0, REPORT_LIMITS.reasonChars) }),
  ...(task.progress !== undefined && { progress: task.progress.slice(0, REPORT_LIMITS.progressChars) }),
  ...(task.log !== undefined && { log: task.log.slice(-REPORT_LIMITS.logChars) }),
});

/** One task of a large job. */
function outlined(task: Task): Task {
  const { reason, ...rest } = bounded(task);
  const short = reason === undefined ? rest : { ...rest, reason: reason.slice(0, SHORT_REASON_CHARS) };
  if (task.phase === "Pending") return without(short, "state", "event");
  if (task.phase !== "Successful") return short;
  return without(short, "actionFlow", "imageStatus", "log", "startTime", "lastReportTime", "state", "event");
}

/** What goes first when a task is too long for its share. Never its phase, and nothing that is needed to go on. */
const CUTS: readonly ((task: Task, over: number) => Task)[] = [
  (task, over) => (task.log === undefined ? task : { ...task, log: task.log.slice(over) }),
  (task) => (task.log === "" ? without(task, "log") : task),
  (task) =>
    mapped(task, "imageStatus", ({ reason = "", ...image }) =>
      reason === "" ? image : { ...image, reason: reason.slice(0, SHORT_REASON_CHARS) },
    ),
  (task) => ({
    ...task,
    ...(task.imageStatus && { imageStatus: task.imageStatus.filter(({ status }) => status !== "True") }),
  }),
  (task) => without(task, "imageStatus"),
  (task) =>
    mapped(task, "actionFlow", ({ reason = "", ...action }) =>
      reason === "" ? action : { ...action, reason: reason.slice(0, SHORT_REASON_CHARS) },
    ),
  (task) => ({
    ...task,
    ...(task.reason !== undefined && { reason: task.reason.slice(0, SHORT_REASON_CHARS) }),
  }),
  (task) => (isAtWork(task) ? task : without(task, "actionFlow", "progress")),
  (task) => (isAtWork(task) ? task : without(task, "startTime", "lastReportTime", "event")),
  (task) => (isAtWork(task) ? task : without(task, "historicVersion", "currentVersion")),
  (task) => ({
    ...task,
    ...(task.reason !== undefined && { reason: task.reason.slice(0, SHORTEST_REASON_CHARS) }),
  }),
];
const isAtWork = ({ phase }: Task): boolean => phase === "InProgress";

function mapped<Name extends "imageStatus" | "actionFlow">(
  task: Task,
  name: Name,
  change: (item: NonNullable<Task[Name]>[number]) => NonNullable<Task[Name]>[number],
): Task {
  const items = task[name] as readonly NonNullable<Task[Name]>[number][] | undefined;
  return items === undefined ? task : { ...task, [name]: items.map(change) };
}

function shortened(task: Task, limit: number): Task {
  let kept = task;
  for (const cut of CUTS) {
    const over = JSON.stringify(kept).length - limit;
    if (over <= 0) return kept;
    kept = cut(kept, over);
  }
  return kept;
}
