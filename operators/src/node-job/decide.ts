// SPDX-License-Identifier: Apache-2.0
import { adopted } from "./adopt.ts";
import { createDraft, type Draft } from "./draft.ts";
import { foldReports } from "./fold.ts";
import type { Decision, DecideInput, JobStatus, Task } from "./port.ts";
import { retryFailed } from "./retry.ts";
import { schedule } from "./schedule.ts";
import { select } from "./select.ts";
import { sizesFor } from "./sizes.ts";
import { isTurned, refusedStatus, statusOf, unlessSame } from "./status.ts";
import { supersede } from "./supersede.ts";
import { expire } from "./timeout.ts";
import { wasStopped } from "./tolerance.ts";

/** A node waits for its turn in another job, or for something that nobody tells: look again. */
const IDLE_RECHECK_MS = 30_000;
/** Right after the write: nodes begin once the job's place among the others is stored. */
const AT_ONCE_MS = 0;

/**
 * What follows for one job from its last stored status, what nodes told, and what nodes and other jobs are.
 *
 * Pure: the same input gives the same answer, and an answer that was lost is found again. A job is accepted in one
 * decision and begun in the next. Where nothing is to be written the very status of the input comes back.
 */
export function decide(input: DecideInput): Decision {
  const before = adopted(input.job, input.status);
  if (before === undefined) return accept(input);
  return before.nodeStatus === undefined ? settled(before, input) : goOn(input, before);
}

function accept(input: DecideInput): Decision {
  const selected = select(input.job, input.nodes);
  if ("reason" in selected) {
    const draft = createDraft(input, [], sizesFor(0));
    draft.events.warn("Refused", `${selected.reason}: ${selected.message}`);
    return answer(draft, refusedStatus(draft, selected), {
      isChanged: true,
      isEnded: true,
      recheckMs: undefined,
    });
  }
  const draft = createDraft(input, [], sizesFor(selected.length));
  for (const [index, task] of selected.entries()) draft.put(index, task);
  draft.events.note("Accepted", `${selected.length} nodes are selected`);
  for (const { nodeName, reason } of selected)
    if (reason !== undefined)
      draft.events.warn("NodeFailed", `${nodeName} cannot begin: ${reason}`, { node: nodeName });
  return answer(draft, statusOf(draft, undefined, false), {
    isChanged: true,
    isEnded: false,
    recheckMs: AT_ONCE_MS,
  });
}

/** A refused job, or one that KubeEdge ended. */
const settled = (before: JobStatus, { status = before }: DecideInput): Decision => ({
  ...{ status, isChanged: false, isEnded: true, recheckMs: undefined, events: [] },
});

function goOn(input: DecideInput, before: JobStatus): Decision {
  const tasks = before.nodeStatus ?? [];
  const draft = createDraft(input, tasks, sizesFor(tasks.length));
  foldReports(draft);
  retryFailed(draft, isStopped(before));
  const wasExceeded = isStopped(before) && !draft.isRetried;
  const dueMs = expire(draft);
  if (isOpen(before, draft)) {
    supersede(draft);
    schedule(draft, wasExceeded);
  }
  const after = statusOf(draft, before, wasExceeded);
  const status = unlessSame(input.status, after, draft.hasNews);
  tellTurns(draft, before, after);
  const isEnded = after.phase === "Completed" || after.phase === "Failure";
  const isChanged = status !== input.status && (draft.isChanged || isTurned(input.status, after));
  return answer(draft, status, {
    isChanged,
    isEnded,
    recheckMs: isEnded ? undefined : recheckMs(draft, dueMs),
  });
}

/** KubeEdge's jobs have no conditions. */
const isStopped = (before: JobStatus): boolean => wasStopped(before) || before.phase === "Failure";

/** A job that has ended begins nothing, unless nodes are to try again. */
const isOpen = ({ phase }: JobStatus, { isRetried }: Draft): boolean =>
  isRetried || phase === "Init" || phase === "InProgress";

/** A task that was begun just now is due a whole timeout later. */
function recheckMs({ job, tasks }: Draft, dueMs: number | undefined): number | undefined {
  const isPending = tasks.some(({ phase }: Task) => phase === "Pending");
  const isRunning = tasks.some(({ phase }: Task) => phase === "InProgress");
  const waits = [dueMs, isPending ? IDLE_RECHECK_MS : undefined, isRunning ? job.timeoutMs : undefined];
  const known = waits.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function tellTurns({ events, job }: Draft, before: JobStatus, after: JobStatus): void {
  const { phase, reason = "", conditions = [] } = after;
  if (!wasStopped(before) && wasStopped(after))
    events.warn("ToleranceExceeded", `no further node of ${job.name} begins: ${reason}`);
  if (phase === before.phase) return;
  const count = conditions.find(({ type }) => type === "Complete")?.message ?? "";
  if (phase === "Completed") events.note("Completed", count);
  if (phase === "Failure") events.warn("Failed", `${count}; ${reason}`);
}

const answer = (
  { events }: Draft,
  status: JobStatus,
  rest: Pick<Decision, "isChanged" | "isEnded" | "recheckMs">,
): Decision => ({ status, ...rest, events: events.all() });
