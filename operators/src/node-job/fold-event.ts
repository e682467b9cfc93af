// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import { merged } from "./flow.ts";
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
  const state = task.state ?? INITIAL_STATE;
  const { event = "", action = "" } = report;
  if (event === "") return undefined;
  const isWaiting = event === CONFIRM_EVENT && state === INITIAL_STATE;
  const next = isWaiting ? state : nextState(kind, { state, event, action });
  if (next === undefined || !isOfState(report, state)) return undefined;
  if (isWaiting && task.event === CONFIRM_EVENT) return undefined;
  if (!isDrivenInOldWords(task) && !isFinal(next)) return undefined;
  return moved(withStep(kind, { ...task, event }, report), next, report);
}

const isFinal = (state: string): boolean => state === "Successful" || state === "Failed";

/** Where the report says which state it answers, it is that one. */
const isOfState = ({ state = "" }: TaskReport, current: string): boolean => state === "" || state === current;

function withStep(kind: JobKind, task: Task, report: TaskReport): Task {
  const step = stepOfEvent(report.event ?? "");
  if (step === undefined) return task;
  const isSuccess = report.action === SUCCESS || report.event === CONFIRM_EVENT;
  const told = report.actions.at(-1);
  const action: TaskAction = {
    ...{ action: step, status: isSuccess ? "True" : "False" },
    ...(reasonOf(report) !== "" && !isSuccess && { reason: reasonOf(report) }),
    ...(told?.time !== undefined && { time: told.time }),
  };
  return { ...task, actionFlow: merged(kind, task.actionFlow ?? [], [action]) };
}

function moved(task: Task, state: string, report: TaskReport): Task {
  const images = report.images ?? [];
  const from = report.fromVersion ?? "";
  const to = report.toVersion ?? "";
  const next = {
    ...task,
    ...(images.length > 0 && { imageStatus: images }),
    ...(from !== "" && { historicVersion: from }),
    ...(to !== "" && { currentVersion: to }),
  };
  if (!isFinal(state)) return { ...next, state };
  const { reason: _reason, state: _state, lastReportTime: _time, ...ended } = next;
  if (state === "Successful") return { ...ended, phase: "Successful" };
  return {
    ...ended,
    phase: "Failure",
    reason: reasonOf(report) === "" ? `${report.event ?? "it"} failed` : reasonOf(report),
  };
}

/** An event has one reason; the hub keeps it with the step that it makes of the event, or as its log. */
const reasonOf = ({ actions, log = "", progress = "" }: TaskReport): string => {
  const reason = actions.at(-1)?.reason ?? "";
  return [reason, log, progress].find((text) => text !== "") ?? "";
};
