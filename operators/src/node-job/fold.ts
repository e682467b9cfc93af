// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import { without } from "./without.ts";
import type { Draft } from "./draft.ts";
import { foldEvent } from "./fold-event.ts";
import { failureOf, merged, outcomeOf, reachOf } from "./flow.ts";
import type { Job, Task, TaskAction, TaskReport } from "./port.ts";
import { resultsOf } from "./results.ts";
import { isEndedTask } from "./tolerance.ts";

/** Takes what nodes told into their tasks. */
export function foldReports(draft: Draft): void {
  if (draft.input.reports.length === 0) return;
  const places = new Map(draft.tasks.map(({ nodeName }, index) => [nodeName, index]));
  for (const report of draft.input.reports) {
    const index = places.get(report.nodeName);
    const task = index === undefined ? undefined : draft.tasks[index];
    if (index === undefined || task === undefined || !isAbout(task, report, draft.job)) continue;
    foldOne(draft, index, report);
  }
}

/**
 * A report is about a task that has not ended, of the same attempt. A silent node may still tell how it ended.
 *
 * An order that goes out just after another attempt was asked for carries the new number: a node at work that tells
 * it is at that attempt.
 */
function isAbout(task: Task, report: TaskReport, job: Job): boolean {
  if (task.phase === "Successful" || task.phase === "Failure") return false;
  const attempt = Math.max(1, report.attempt); // a hub that was not told one says 0
  if (task.phase !== "InProgress") return attempt === task.attempt;
  return attempt >= task.attempt && attempt <= Math.max(job.attempt, task.attempt);
}

function foldOne(draft: Draft, index: number, report: TaskReport): void {
  const task = draft.tasks[index] as Task;
  const attempt = Math.max(1, report.attempt);
  const known = attempt === task.attempt ? task : begunAgain(task, attempt);
  const next = foldEvent(draft.job.kind, known, report) ?? foldActions(draft, known, report);
  if (next === undefined) return;
  const isStep = isFurther(task, next);
  const isHeard = isStep && !isEndedTask(next);
  draft.put(index, isHeard ? { ...next, lastReportTime: draft.now } : next, isStep ? undefined : "minor");
  tellOf(draft, task, next);
}

const isFurther = (before: Task, after: Task): boolean =>
  countOf(after) !== countOf(before) ||
  (["phase", "state", "event", "attempt"] as const).some((name) => after[name] !== before[name]);
const countOf = ({ actionFlow = [] }: Task): number => actionFlow.length;

function begunAgain({ nodeName, phase, startTime, historicVersion, state }: Task, attempt: number): Task {
  return {
    ...{ nodeName, phase, attempt },
    ...(startTime !== undefined && { startTime }),
    ...(historicVersion !== undefined && { historicVersion }),
    ...(state !== undefined && { state }),
  };
}

function foldActions({ job, now }: Draft, task: Task, report: TaskReport): Task | undefined {
  const known = task.actionFlow ?? [];
  const { actions = [] } = report;
  if (!hasNews(report) || reachOf(job.kind, actions) < reachOf(job.kind, known)) return undefined; // an old one
  const timed = actions.map((action) => timedAction(action, now));
  const actionFlow = merged(job.kind, known, timed);
  const next = { ...task, ...detailsOf(job.kind, report), ...(actionFlow.length > 0 && { actionFlow }) };
  return settled(next, outcomeOf(job.kind, actionFlow));
}

const hasNews = ({ actions = [], images = [], progress, log }: TaskReport): boolean =>
  actions.length > 0 || images.length > 0 || progress !== undefined || log !== undefined;

/** KubeEdge's config steps carry no time: then it is when they were heard of. */
function timedAction({ action, status, reason = "", time = "" }: TaskAction, now: string): TaskAction {
  return { action, status, ...(reason !== "" && { reason }), time: time === "" ? now : time };
}

function detailsOf(kind: JobKind, report: TaskReport): Partial<Task> {
  const { progress, log = "" } = report;
  return {
    ...resultsOf(kind, report),
    ...(progress !== undefined && { progress }),
    ...(log !== "" && { log }),
  };
}

/** A task as its steps have it. One that waits for its turn, or was given up, does not begin again by itself. */
function settled(task: Task, outcome: "InProgress" | "Successful" | "Failure"): Task {
  if (outcome === "InProgress") return task;
  const ended = { ...without(task, "reason", "progress", "lastReportTime"), phase: outcome };
  return outcome === "Successful" ? ended : { ...ended, reason: failureOf(task.actionFlow ?? []) };
}

function tellOf({ events, job }: Draft, before: Task, after: Task): void {
  const { nodeName } = after;
  for (const { action, status, reason = "" } of stepsSince(before, after)) {
    const about = { node: nodeName, step: action };
    if (status === "True") events.note("StepSucceeded", `${action} succeeded on ${nodeName}`, about);
    else events.warn("StepFailed", `${action} failed on ${nodeName}: ${reason}`, about);
  }
  if (after.phase === before.phase) return;
  if (after.phase === "Successful") events.note("NodeSucceeded", `${nodeName} is done`, { node: nodeName });
  else
    events.warn("NodeFailed", `${nodeName} failed: ${after.reason ?? ""}${againHint(job)}`, {
      node: nodeName,
    });
}

const againHint = ({ attempt }: Job): string =>
  `; once its cause is removed, annotate the job longshore.io/attempt=${attempt + 1} to try again`;

function stepsSince(before: Task, after: Task): readonly TaskAction[] {
  const known = new Set((before.actionFlow ?? []).map(({ action }) => action));
  return (after.actionFlow ?? []).filter(({ action }) => !known.has(action));
}
