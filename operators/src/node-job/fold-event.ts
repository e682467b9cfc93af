// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import { stepOfEvent, type JobKind } from "@longshore/crds/tasks";
import { failureOf, merged } from "./flow.ts";
import { resultsOf } from "./results.ts";
import type { Task, TaskAction, TaskReport } from "./port.ts";
import { CONFIRM_EVENT, INITIAL_STATE, isDrivenInOldWords, nextState } from "./words-v1alpha1.ts";

const SUCCESS = "Success";

/**
 * Takes one event of an edge up to 1.20 into its task: the next state is what it is ordered next.
 *
 * @returns undefined for an event that does not belong to the state: an old one, or the same again
 */
export function foldEvent(kind: JobKind, task: Task, report: TaskReport): Task | undefined {
  const next = following(kind, task, report);
  // One that waits for its turn is ordered nothing yet: it can only be told to have ended.
  if (next === undefined || !(isDrivenInOldWords(task) || isFinal(next))) return undefined;
  return moved(kind, withStep(kind, { ...task, event: report.event ?? "" }, report), { state: next, report });
}

/** The state after this event; where the report says which state it answers, it is that one. */
function following(kind: JobKind, task: Task, report: TaskReport): string | undefined {
  const state = task.state ?? INITIAL_STATE;
  const { event = "", action = "", state: answered = "" } = report;
  if (answered !== "" && answered !== state) return undefined;
  const isConfirm = event === CONFIRM_EVENT && state === INITIAL_STATE && task.event !== CONFIRM_EVENT;
  return isConfirm ? state : nextState(kind, { state, event, action });
}

const isFinal = (state: string): boolean => state === "Successful" || state === "Failed";

/** The hub keeps all steps that it made of events; the last event may be one of those again. */
function withStep(kind: JobKind, task: Task, report: TaskReport): Task {
  const { actions = [] } = report;
  const step = stepOfEvent(report.event ?? "");
  const told = actions.length > 0 || step === undefined ? actions : [stepTold(step, report)];
  const actionFlow = merged(kind, task.actionFlow ?? [], told);
  return actionFlow.length === 0 ? task : { ...task, actionFlow };
}

function stepTold(step: string, report: TaskReport): TaskAction {
  if (report.action === SUCCESS || report.event === CONFIRM_EVENT) return { action: step, status: "True" };
  const { log: reason = "" } = report;
  return { action: step, status: "False", ...(reason !== "" && { reason }) };
}

function moved(
  kind: JobKind,
  task: Task,
  { state, report }: { readonly state: string; readonly report: TaskReport },
): Task {
  const next = { ...task, ...resultsOf(kind, report) };
  if (!isFinal(state)) return { ...next, state };
  const ended = without(next, "reason", "state", "lastReportTime");
  return state === "Successful"
    ? { ...ended, phase: "Successful" }
    : { ...ended, phase: "Failure", reason: reasonOf(next, report) };
}

/** What is no step in v1alpha2 has its reason in the log. */
function reasonOf({ actionFlow = [] }: Task, { event = "", log = "" }: TaskReport): string {
  const isStep = actionFlow.some(({ action, status }) => status === "False" || action === "RollBack");
  if (isStep) return failureOf(actionFlow);
  return log === "" ? `${event} failed` : log;
}
