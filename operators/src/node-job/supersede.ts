// SPDX-License-Identifier: Apache-2.0
import type { Draft } from "./draft.ts";
import type { Job, Rival } from "./port.ts";

/** Order of jobs: sequences are numbers too long for a double, equal ones go by name. */
export function isLater(a: Pick<Job, "sequence" | "name">, b: Pick<Job, "sequence" | "name">): boolean {
  const [left, right] = [a.sequence, b.sequence];
  if (left.length !== right.length) return left.length > right.length;
  return left === right ? a.name > b.name : left > right;
}

/** Ends tasks that have not begun and that a later job makes needless: late nodes must not run an old job. */
export function supersede(draft: Draft): void {
  const later = draft.input.rivals.filter((rival) => rival.supersedes && isLater(rival, draft.job));
  if (later.length === 0) return;
  for (const [index, task] of draft.tasks.entries()) {
    if (task.phase !== "Pending" || (task.actionFlow ?? []).length > 0) continue;
    const { nodeName, attempt } = task;
    const rival = later.find(({ phaseOf }) => phaseOf(nodeName) !== undefined);
    if (rival === undefined) continue;
    const reason = `superseded by the later job ${rival.name}: nothing was done here`;
    draft.put(index, { nodeName, phase: "Failure", attempt, reason, supersededBy: rival.name });
    draft.events.note("NodeSuperseded", `${nodeName} is left to the later job ${rival.name}`, {
      node: nodeName,
    });
  }
}

/**
 * Whether the node has to wait for another job: one that is at work on it, for an agent changes one thing at a time and
 * the timeout would run meanwhile, or an older one of the same kind, which has its turn before. Pulls of images do not
 * get in each other's way.
 */
export function blockerFor({
  job,
  input,
}: Pick<Draft, "job" | "input">): (node: string) => Rival | undefined {
  const rivals = job.kind === "ImagePrePullJob" ? [] : input.rivals;
  const earlier = rivals.filter(
    (rival) => rival.isEnded !== true && rival.isOtherKind !== true && isLater(job, rival),
  );
  return (node) =>
    rivals.find(({ phaseOf }) => phaseOf(node) === "InProgress") ??
    earlier.find(({ phaseOf }) => phaseOf(node) === "Pending");
}
