// SPDX-License-Identifier: Apache-2.0
import {
  FIRST_STEP,
  nextStep,
  REPORT_LIMITS,
  type NodeTaskReportAction,
  type NodeTaskReportImage,
} from "@longshore/crds/tasks";
import type { Order, StepOutcome } from "./port.ts";

/**
 * What this node knows of one task (a job's attempt here), as it is stored. ready: `step` is next. running: `step` was
 * begun, and is run again when the agent was cut. confirming: somebody must confirm before `step`. ended: no more steps.
 */
export interface Task {
  readonly order: Order;
  /** Who ordered it: a CloudCore gives no uid and withdraws nothing. */
  readonly from: "hub" | "cloudcore";
  /** Id of a CloudCore's message. */
  readonly message?: string;
  /** Counts up with each order that came to this node. */
  readonly sequence: number;
  readonly state: "ready" | "running" | "confirming" | "ended";
  readonly step: string;
  /** How often `step` was begun. */
  readonly runs: number;
  /** It may have changed the agent, and no other task may until it has ended. */
  readonly holds: boolean;
  readonly note?: unknown;
  readonly actions: readonly NodeTaskReportAction[];
  readonly images?: readonly NodeTaskReportImage[];
  readonly log?: string;
  readonly fromVersion?: string;
  readonly toVersion?: string;
  /** Counts up with each change that the cloud is to hear of. */
  readonly changes: number;
  /** The last of them that the hub has stored. */
  readonly told: number;
  /** Actions that were sent to a CloudCore, which is told one at a time. */
  readonly toldActions: number;
}

/** What happens to a task. */
export type TaskEvent =
  | { readonly type: "begin" }
  | { readonly type: "keep"; readonly note: unknown }
  | { readonly type: "end"; readonly outcome: StepOutcome; readonly timeMs: number }
  | { readonly type: "confirm" };

/** Key of a task in its bucket; a later attempt is another task. */
export const taskKey = ({ uid, attempt }: Pick<Order, "uid" | "attempt">): string => `${uid}/${attempt}`;

/** A task as it comes in. */
export function newTask(order: Order, from: Task["from"], sequence: number): Task {
  return {
    order,
    from,
    sequence,
    state: "ready",
    step: FIRST_STEP,
    runs: 0,
    holds: false,
    actions: [],
    changes: 0,
    told: 0,
    toldActions: 0,
  };
}

/** False until its first step was begun: such a task can be taken back without a trace. */
export const hasBegun = (task: Task): boolean =>
  task.state !== "ready" || task.step !== FIRST_STEP || task.runs > 0;

/** The step machine. Pure: the same record and event give the same record, and what does not fit changes nothing. */
export function advance(task: Task, event: TaskEvent): Task {
  switch (event.type) {
    case "begin":
      return isRunnable(task) ? { ...task, state: "running", runs: task.runs + 1, holds: true } : task;
    case "keep":
      return task.state === "running" ? { ...task, note: event.note } : task;
    case "confirm":
      return task.state === "confirming" ? { ...task, state: "ready" } : task;
    case "end":
      return task.state === "running" ? end(task, event.outcome, event.timeMs) : task;
  }
}

export const isRunnable = ({ state }: Task): boolean => state === "ready" || state === "running";

function end(task: Task, outcome: StepOutcome, timeMs: number): Task {
  if (!("ok" in outcome)) return task; // it is run again after the restart
  const next = nextOf(task, outcome);
  const actions = [...task.actions, actionOf(task.step, outcome, timeMs)].slice(-REPORT_LIMITS.actions);
  const told = { ...task, ...factsOf(outcome), actions, changes: task.changes + 1, runs: 0 };
  if (next === undefined) return ended(told);
  const waits = "wait" in outcome;
  return { ...told, step: next, state: waits ? "confirming" : "ready", holds: !waits };
}

/** Only what a report needs, for it is kept a long time. */
function ended(task: Task): Task {
  return { ...task, note: undefined, order: { ...task.order, spec: null }, state: "ended", holds: false };
}

/** Of a step that is over. */
export type EndOutcome = Extract<StepOutcome, { readonly ok: boolean }>;

function nextOf({ order, step }: Task, outcome: EndOutcome): string | undefined {
  if (!outcome.ok && outcome.unchanged === true) return undefined;
  return nextStep(order.kind, step, outcome.ok);
}

function actionOf(action: string, outcome: EndOutcome, timeMs: number): NodeTaskReportAction {
  const time = rfc3339(timeMs);
  if (outcome.ok) return { action, status: "True", time };
  return { action, status: "False", reason: outcome.reason.slice(0, REPORT_LIMITS.reasonChars), time };
}

/** To the second, as Kubernetes writes times. */
export const rfc3339 = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");

type Facts = Pick<Task, "images" | "log" | "fromVersion" | "toVersion">;

function factsOf(outcome: EndOutcome): Facts {
  const { images, fromVersion, toVersion } = outcome as Facts;
  const log = outcome.ok ? undefined : outcome.log;
  return {
    ...(images && { images: images.slice(0, REPORT_LIMITS.images).map(shortened) }),
    ...(log !== undefined && { log: log.slice(-REPORT_LIMITS.logChars) }),
    ...(fromVersion !== undefined && { fromVersion: fromVersion.slice(0, REPORT_LIMITS.versionChars) }),
    ...(toVersion !== undefined && { toVersion: toVersion.slice(0, REPORT_LIMITS.versionChars) }),
  };
}

function shortened(image: NodeTaskReportImage): NodeTaskReportImage {
  const { reason } = image;
  return reason === undefined ? image : { ...image, reason: reason.slice(0, REPORT_LIMITS.imageReasonChars) };
}
