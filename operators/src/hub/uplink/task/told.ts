// SPDX-License-Identifier: Apache-2.0
import {
  isStep,
  REPORT_LIMITS,
  stepOfEvent,
  type JobKind,
  type NodeTaskReport,
  type NodeTaskReportAction,
} from "@longshore/crds/tasks";
import { bad, type Fields, forbidden, isFields, objectOf } from "../handler/index.ts";
import { Texts } from "./texts.ts";

export type Report = NodeTaskReport["report"];

/** All of a task, as our agent tells it each time. */
export interface WholeTask {
  /** Of the job that was ordered; an agent that was ordered by a CloudCore knows none. */
  readonly uid?: string;
  readonly attempt?: number;
  readonly details: Pick<Report, "actions" | "images" | "progress" | "log" | "fromVersion" | "toVersion">;
}

/** One step, as a plain EdgeCore tells it once. */
export interface Step {
  /** Undefined for an event of v1alpha1 that is no step. */
  readonly action?: NodeTaskReportAction;
  readonly details: Pick<
    Report,
    "images" | "log" | "fromVersion" | "toVersion" | "event" | "action" | "state"
  >;
}

/** What one frame told. */
export interface Told {
  readonly whole?: WholeTask;
  readonly step?: Step;
  /** Texts that were too long, and parts that could not be read. */
  readonly cuts: number;
}

const MAX_UID_CHARS = 64;
const MAX_ATTEMPT = 1_000;
const { stepChars, reasonChars, progressChars, logChars, versionChars } = REPORT_LIMITS;

/**
 * Reads the content of `UpdateNodeActionStatus`.
 *
 * @throws {UplinkRefusal} BAD
 */
export function readTold(kind: JobKind, content: unknown, now: string): Told {
  const fields = objectOf(content);
  const texts = new Texts();
  const told = Array.isArray(fields["actions"])
    ? { whole: wholeOf(kind, fields, texts) }
    : { step: stepOf(kind, { fields, now }, texts) };
  return { ...told, cuts: texts.cuts };
}

function wholeOf(kind: JobKind, fields: Fields, texts: Texts): WholeTask {
  const { uid, attempt } = fields;
  if (uid !== undefined && (typeof uid !== "string" || uid.length > MAX_UID_CHARS))
    throw bad("the uid is no uid");
  const progress = texts.of(fields, "progress", progressChars);
  const log = texts.endOf(fields, "log", logChars);
  const images = imagesOf(kind, fields, texts);
  return {
    ...(typeof uid === "string" && uid !== "" && { uid }),
    ...(isAttempt(attempt) && { attempt }),
    details: {
      actions: actionsOf(kind, fields["actions"] as unknown[], texts),
      ...(images !== undefined && { images }),
      ...(progress !== undefined && { progress }),
      ...(log !== undefined && { log }),
      ...versions(texts.of(fields, "fromVersion", versionChars), texts.of(fields, "toVersion", versionChars)),
    },
  };
}

/** They are the longest part of a report: only who pulls has any. */
const imagesOf = (kind: JobKind, fields: Fields, texts: Texts): Report["images"] =>
  kind === "ImagePrePullJob" ? texts.images(fields["images"]) : undefined;

const isAttempt = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_ATTEMPT;

function actionsOf(kind: JobKind, entries: readonly unknown[], texts: Texts): NodeTaskReportAction[] {
  const read = entries
    .slice(-REPORT_LIMITS.actions)
    .flatMap((entry) => (isFields(entry) ? (actionOf(kind, entry, texts) ?? []) : []));
  texts.cuts += entries.length - read.length;
  return read;
}

function actionOf(kind: JobKind, entry: Fields, texts: Texts): NodeTaskReportAction | undefined {
  const { action, status } = entry;
  if (typeof action !== "string" || !isStep(kind, action)) return undefined;
  if (status !== "True" && status !== "False") return undefined;
  return stepAction(
    { action, status, reason: texts.of(entry, "reason", reasonChars) },
    texts.timeOf(entry, "time"),
  );
}

interface Outcome {
  readonly action: string;
  readonly status: "True" | "False";
  readonly reason: string | undefined;
}

const stepAction = ({ action, status, reason }: Outcome, time: string | undefined): NodeTaskReportAction => ({
  action,
  status,
  ...(reason !== undefined && { reason }),
  ...(time !== undefined && { time }),
});

const versions = (from: string | undefined, to: string | undefined): Partial<Report> => ({
  ...(from !== undefined && { fromVersion: from }),
  ...(to !== undefined && { toVersion: to }),
});

function stepOf(kind: JobKind, { fields, now }: { fields: Fields; now: string }, texts: Texts): Step {
  const { action, succ } = fields;
  if (typeof action !== "string" || !isStep(kind, action)) throw bad("unknown step of a task");
  if (typeof succ !== "boolean") throw bad("a report says whether its step succeeded");
  const outcome: Outcome = {
    action,
    status: succ ? "True" : "False",
    reason: texts.of(fields, "reason", reasonChars),
  };
  const { extend } = fields;
  return {
    // config updates carry no time
    action: stepAction(outcome, texts.timeOf(fields, "finishTime") ?? now),
    details: typeof extend === "string" ? extended(kind, extend, texts) : {},
  };
}

/** KubeEdge's way to tell versions (`<from>,<to>`) and images (JSON). */
function extended(kind: JobKind, extend: string, texts: Texts): Step["details"] {
  if (kind === "ImagePrePullJob") {
    const images = texts.imagesIn(extend);
    return images === undefined ? {} : { images };
  }
  const [from = "", to = "", ...rest] = extend.split(",");
  if (kind !== "NodeUpgradeJob" || extend === "") return {};
  if (rest.length > 0) texts.cuts += 1;
  const fields = { from, to };
  return rest.length > 0
    ? {}
    : versions(texts.of(fields, "from", versionChars), texts.of(fields, "to", versionChars));
}

/** Those that are no step. */
const OTHER_EVENTS: ReadonlySet<string> = new Set(["Init", "TimeOut"]);
const isEvent = (event: string): boolean => stepOfEvent(event) !== undefined || OTHER_EVENTS.has(event);
const ACTIONS: ReadonlySet<string> = new Set(["Success", "Failure", "Confirmation", "TimeOut"]);

/**
 * Reads the content of a report in v1alpha1.
 *
 * @throws {UplinkRefusal} BAD; FORBIDDEN for what another node did
 */
export function readOldTold(node: string, content: unknown, now: string): Told {
  const fields = objectOf(content);
  const texts = new Texts();
  const { NodeName = "", Event: event, Action: action } = fields;
  if (NodeName !== "" && NodeName !== node) throw forbidden("another node's task");
  if (typeof event !== "string" || !isEvent(event)) throw bad("unknown event of a task");
  if (typeof action !== "string" || !ACTIONS.has(action)) throw bad("unknown action of a task");
  const state = texts.of(fields, "State", stepChars);
  const step = oldStep(
    fields,
    { event, isSuccess: action === "Success" || action === "Confirmation", now },
    texts,
  );
  const words = { event, action, ...(state !== undefined && { state }) };
  return { step: { ...step, details: { ...step.details, ...words } }, cuts: texts.cuts };
}

function oldStep(
  fields: Fields,
  { event, isSuccess, now }: { event: string; isSuccess: boolean; now: string },
  texts: Texts,
): Step {
  const reason = texts.of(fields, "Reason", reasonChars);
  const action = stepOfEvent(event);
  // What is no step has no place for its reason but the log.
  if (action === undefined) return { details: reason === undefined ? {} : { log: reason } };
  const external = fields["ExternalMessage"];
  const images = event === "Pull" && typeof external === "string" ? texts.imagesIn(external) : undefined;
  const outcome: Outcome = { action, status: isSuccess ? "True" : "False", reason };
  return {
    action: stepAction(outcome, texts.timeOf(fields, "Time") ?? now),
    details: images === undefined ? {} : { images },
  };
}
