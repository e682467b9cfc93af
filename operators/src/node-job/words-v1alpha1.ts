// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import type { JobStatus, Task, TaskAction } from "./port.ts";

/** `state/event/action` to the next state, as KubeEdge's cloud drives edges up to 1.20. */
const COMMON = {
  "Init/Init/Success": "Checking",
  "Init/Init/Failure": "Failed",
  "Checking/Check/Failure": "Failed",
  ...ends("TimeOut", "Init", "Checking"),
};
const TABLES: Readonly<Record<JobKind, Readonly<Record<string, string>>>> = {
  NodeUpgradeJob: {
    ...COMMON,
    "Init/Upgrade/Success": "Successful",
    "Init/Upgrade/Failure": "Failed",
    // An edge that has the wanted version already says so instead; KubeEdge's table does not know it, and times out.
    "Init/Upgrading/Success": "Successful",
    "Checking/Check/Success": "BackingUp",
    "BackingUp/Backup/Success": "Upgrading",
    "BackingUp/Backup/Failure": "Failed",
    "Upgrading/Upgrade/Success": "Successful",
    "Upgrading/Upgrade/Failure": "Failed",
    ...ends("TimeOut", "BackingUp", "Upgrading", "RollingBack"),
    // A node that was rolled back did not get what it should, however well that went.
    ...ends("Rollback", "Init", "Upgrading", "RollingBack"),
  },
  ImagePrePullJob: {
    ...COMMON,
    "Checking/Check/Success": "Pulling",
    "Pulling/Pull/Success": "Successful",
    "Pulling/Pull/Failure": "Failed",
    ...ends("TimeOut", "Pulling"),
  },
  ConfigUpdateJob: {},
};

/** An event that ends a task without success, whatever is said of it. */
function ends(event: string, ...states: string[]): Record<string, string> {
  return Object.fromEntries(
    states.flatMap((state) => ["Success", "Failure"].map((word) => [`${state}/${event}/${word}`, "Failed"])),
  );
}

const AT_WORK = new Set(["Init", "Checking", "BackingUp", "Upgrading", "RollingBack", "Pulling"]);
export const INITIAL_STATE = "Init";
export const CONFIRM_EVENT = "Confirm";
const TIME_OUT_EVENT = "TimeOut";
const ENDED: Readonly<Record<string, string>> = { Successful: "Successful", Failure: "Failed" };

/** The task's node is ordered state by state, in v1alpha1. */
export const isDrivenInOldWords = ({ phase, state }: Pick<Task, "phase" | "state">): boolean =>
  (phase === "InProgress" || phase === "Unknown") && state !== undefined && AT_WORK.has(state);

/** @returns undefined for what the table does not know: a report again, or of another state */
export const nextState = (
  kind: JobKind,
  { state, event, action }: { readonly state: string; readonly event: string; readonly action: string },
): string | undefined => {
  const key = `${state}/${event}/${action}`;
  return Object.hasOwn(TABLES[kind], key) ? TABLES[kind][key] : undefined;
};

/**
 * State and event of a task for v1alpha1 clients.
 *
 * A node at work has none unless it is driven by them, see `Task.state`.
 */
export function wordsOf(task: Task): Pick<Task, "state" | "event"> {
  if (task.phase === "Pending") return { state: INITIAL_STATE };
  if (isDrivenInOldWords(task)) return { state: task.state ?? INITIAL_STATE, ...eventWord(task) };
  return task.phase === "InProgress" ? {} : { state: ENDED[task.phase] ?? "Failed", ...eventWord(task) };
}

function eventWord({ phase, event, actionFlow = [] }: Task): Pick<Task, "event"> {
  const told = event === TIME_OUT_EVENT ? undefined : event;
  const word = phase === "Unknown" ? TIME_OUT_EVENT : (told ?? eventOf(actionFlow));
  return word === undefined ? {} : { event: word };
}

const EVENTS: Readonly<Record<string, string>> = {
  BackUp: "Backup",
  RollBack: "Rollback",
  Update: "Upgrade",
};
/** The event that v1alpha1 has for the last step of a task. */
const eventOf = (actions: readonly TaskAction[]): string | undefined => {
  const last = actions.at(-1)?.action;
  return last === undefined ? undefined : (EVENTS[last] ?? (last === "WaitingConfirmation" ? "Check" : last));
};

type JobWords = Pick<JobStatus, "state" | "event" | "action" | "time">;
const JOB_STATE: Readonly<Record<JobStatus["phase"], string | undefined>> = {
  Init: INITIAL_STATE,
  InProgress: undefined,
  Completed: "Successful",
  Failure: "Failed",
};

/** State of the whole job for v1alpha1 clients; ConfigUpdateJob is not known there. */
export function jobWordsOf(
  kind: JobKind,
  phase: JobStatus["phase"],
  { before, now }: { readonly before: JobWords | undefined; readonly now: string },
): JobWords {
  if (kind === "ConfigUpdateJob") return {};
  const work =
    kind === "NodeUpgradeJob"
      ? { state: "Upgrading", event: "Upgrade" }
      : { state: "Pulling", event: "Pull" };
  const words = {
    state: JOB_STATE[phase] ?? work.state,
    event: phase === "Init" ? "Init" : work.event,
    action: phase === "Failure" ? "Failure" : "Success",
  };
  const isSame = before?.state === words.state && before.time !== undefined;
  return { ...words, time: isSame ? (before.time ?? now) : now };
}
