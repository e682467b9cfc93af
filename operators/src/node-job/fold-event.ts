// SPDX-License-Identifier: Apache-2.0
import { without } from "./without.ts";
import type { JobKind } from "@longshore/crds/tasks";
import { merged } from "./flow.ts";
import { resultsOf } from "./results.ts";
import type { Task, TaskAction, TaskReport } from "./port.ts";
import {
  CONFIRM_EVENT,
  INITIAL_STATE,
  isDrivenInOldWords,
  nextState,
  stepOfEvent,
} from "./words-v1alpha1.ts";

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
  return moved(withStep(kind, { ...task, event: report.event ?? "" }, report), next, report);
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

function withStep(kind: JobKind, task: Task, report: TaskReport): Task {
  const step = stepOfEvent(report.event ?? "");
  return step === undefined
    ? task
    : { ...task, actionFlow: merged(kind, task.actionFlow ?? [], [stepTold(step, report)]) };
}

function stepTold(step: string, report: TaskReport): TaskAction {
  const isSuccess = report.action === SUCCESS || report.event === CONFIRM_EVENT;
  const reason = isSuccess ? "" : reasonOf(report);
  const time = report.actions?.at(-1)?.time;
  return {
    ...{ action: step, status: isSuccess ? "True" : "False" },
    ...(reason !== "" && { reason }),
    ...(time !== undefined && { time }),
  };
}

function moved(task: Task, state: string, report: TaskReport): Task {
  const next = { ...task, ...resultsOf(report) };
  if (!isFinal(state)) return { ...next, state };
  const ended = without(next, "reason", "state", "lastReportTime");
  if (state === "Successful") return { ...ended, phase: "Successful" };
  const reason = reasonOf(report);
  return { ...ended, phase: "Failure", reason: reason === "" ? `${report.event ?? ""} failed` : reason };
}

/** An event has one reason; the hub keeps it with the step that it makes of the event, or as its log. */
const reasonOf = ({ actions = [], log = "", progress = "" }: TaskReport): string => {
  const reason = actions.at(-1)?.reason ?? "";
  return [reason, log, progress].find((text) => text !== "") ?? "";
};
