// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import { isDeepStrictEqual } from "node:util";
import { conditionsOf, refusedConditions, withTimes } from "./conditions.ts";
import type { Draft } from "./draft.ts";
import { isWaiting } from "./flow.ts";
import type { JobCondition, JobStatus, Task } from "./port.ts";
import type { Refusal } from "./select.ts";
import { tally, type Summary, type Tally } from "./summary.ts";
import { exceededReason, exceeds } from "./tolerance.ts";
import { jobWordsOf } from "./words-v1alpha1.ts";

/** The status of a job that is not carried out. */
export function refusedStatus(draft: Draft, refusal: Refusal): JobStatus {
  const { job, now, input } = draft;
  return {
    ...input.status,
    ...{ phase: "Failure", reason: refusal.message, sequence: job.sequence },
    conditions: withTimes(input.status?.conditions ?? [], refusedConditions(refusal), draft),
    ...jobWordsOf(job.kind, "Failure", { before: input.status, now }),
  };
}

/** The status that says what the draft holds. @param before undefined when the job was not accepted yet */
export function statusOf(draft: Draft, before: JobStatus | undefined, wasExceeded: boolean): JobStatus {
  const { job, tasks, now, input } = draft;
  const counts = tally(draft, input.nodes, (task) => isWaiting(task, job.requireConfirmation));
  const exceeded = exceededOf(draft, counts.summary, wasExceeded ? before : undefined);
  const phase = endedPhase(draft, before) ?? phaseOf(counts, { exceeded, before });
  const conditions = conditionsOf({ job, phase, tally: counts, exceeded });
  return {
    ...(before && without(before, "reason")),
    ...{ phase, sequence: job.sequence, nodeStatus: tasks, summary: counts.summary },
    ...(exceeded !== undefined && { reason: exceeded }),
    conditions: withTimes(before?.conditions ?? [], conditions, draft),
    ...jobWordsOf(job.kind, phase, { before, now }),
    ...versionsOf(draft, before),
  };
}

/** What was exceeded once stays so, with the count that it was said with. */
function exceededOf(
  { job }: Draft,
  { failed, total }: Summary,
  stopped: JobStatus | undefined,
): string | undefined {
  if (exceeds(job, failed, total)) return exceededReason(failed, total);
  return stopped === undefined ? undefined : (stopped.reason ?? exceededReason(failed, total));
}

/** A job ends once: what nodes tell afterwards is kept, and changes that no more. */
const endedPhase = ({ isRetried }: Draft, before: JobStatus | undefined): JobStatus["phase"] | undefined =>
  !isRetried && (before?.phase === "Completed" || before?.phase === "Failure") ? before.phase : undefined;

function phaseOf(
  { summary: { running, pending, total, superseded } }: Tally,
  { exceeded, before }: { readonly exceeded: string | undefined; readonly before: JobStatus | undefined },
): JobStatus["phase"] {
  if (before === undefined || (before.phase === "Init" && pending === total - superseded && pending > 0))
    return "Init";
  if (running > 0) return "InProgress";
  if (exceeded !== undefined) return "Failure";
  return pending > 0 ? "InProgress" : "Completed";
}

/** Of upgrades: as the first node that ended has it. */
function versionsOf({ job, tasks }: Draft, before: JobStatus | undefined): Partial<JobStatus> {
  if (job.kind !== "NodeUpgradeJob" || before?.currentVersion !== undefined) return {};
  const first = tasks.find(
    ({ phase, currentVersion }) => phase === "Successful" && currentVersion !== undefined,
  );
  return first === undefined ? {} : versions(first);
}

const versions = ({ currentVersion, historicVersion }: Task): Partial<JobStatus> => ({
  ...(currentVersion !== undefined && { currentVersion }),
  ...(historicVersion !== undefined && { historicVersion }),
});

/** The status that was stored, where nothing in the new one is different. */
export const unlessSame = (before: JobStatus | undefined, after: JobStatus, hasNews: boolean): JobStatus =>
  before !== undefined &&
  !hasNews &&
  isDeepStrictEqual(without(before, "nodeStatus"), without(after, "nodeStatus"))
    ? before
    : after;

/** More than counts, messages and times differs. */
export const isTurned = (before: JobStatus | undefined, after: JobStatus): boolean =>
  before?.phase !== after.phase || words(before.conditions) !== words(after.conditions);

const words = (conditions: readonly JobCondition[] = []): string =>
  conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`).join();
