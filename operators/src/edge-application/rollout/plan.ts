// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationRolloutCheck } from "@longshore/crds/apps";
import type { Batch, Batches } from "./batches.ts";
import { judged, verdictOf } from "./checks.ts";
import { held, isHeldByUser, resumed } from "./pause.ts";
import type { Policy } from "./policy.ts";
import type { Measured, PrePullState } from "./port.ts";
import {
  batchText,
  cut,
  enter,
  isActive,
  iso,
  lasting,
  nowhere,
  progressOf,
  sinceMs,
  timely,
  without,
  type Status,
  type StopReason,
} from "./state.ts";

/** How things stand. */
export interface Facts {
  readonly nowMs: number;
  /** Revision of the spec as it is. */
  readonly wanted: string;
  /** The wanted revision's targets, in its batches. */
  readonly batches: Batches;
  /** The stable revision's targets; undefined when there is none, or it cannot be read any more. */
  readonly stableTargets: readonly string[] | undefined;
  /** Why a target does not have a revision yet; undefined: it has. */
  readonly waitsFor: (target: string, revision: string) => string | undefined;
  /** How the images of this batch are. */
  readonly pull?: { readonly batch: number; readonly answer: PrePullState | { readonly state: "nothing" } };
  /** One for each check, measured now. */
  readonly measured?: readonly Measured[];
  /** When checks were last asked for, which the status does not tell of those without an answer. */
  readonly askedMs?: number;
}

/** What the plan has to know before it can go on. */
export type Want =
  | { readonly kind: "pull"; readonly batch: number; readonly targets: readonly string[] }
  | { readonly kind: "measure" };

export interface Plan {
  readonly status: Status;
  readonly want?: Want;
  readonly afterMs?: number;
}

interface Outcome extends Plan {
  /** The next phase may have something to say at once. */
  readonly goesOn?: boolean;
}

export interface PlanInput {
  readonly policy: Policy;
  readonly facts: Facts;
}

/** How often a batch's images are looked after; nothing tells when they are there. */
const PULL_POLL_MS = 5_000;
/** Phases that one plan may pass: each batch has three. */
const MAX_PHASES = 512;

/** What comes next. Pure: what has to be asked or done is told, and the same plan made again gives the same. */
export function plan(status: Status | undefined, input: PlanInput): Plan {
  let { facts } = input;
  let current = status?.revision === facts.wanted ? timely(status, facts.nowMs) : begun(status, facts);
  for (let phases = 0; phases < MAX_PHASES; phases += 1) {
    const { goesOn, ...rest } = advanced(current, { ...input, facts });
    if (goesOn !== true) return { ...rest, status: { ...rest.status, progress: progressOf(rest.status) } };
    // One measurement is of one batch: the next batch gets its own.
    if (current.phase === "Verifying") facts = without(facts, "measured");
    current = rest.status;
  }
  return { status: { ...current, progress: progressOf(current) }, afterMs: 1 };
}

/** A new revision starts from where things are; the stable one is gone back to. */
function begun(before: Status | undefined, facts: Facts): Status {
  const { stableRevision } = before ?? {};
  const kept: Status = { revision: facts.wanted, ...(stableRevision !== undefined && { stableRevision }) };
  if (stableRevision === facts.wanted && facts.stableTargets !== undefined)
    return enter(kept, "RollingBack", facts.nowMs, { updatedTargets: [] });
  return enter({ ...kept, updatedTargets: [] }, "Pending", facts.nowMs);
}

function advanced(status: Status, input: PlanInput): Outcome {
  const { policy, facts } = input;
  if (policy.isPaused) {
    if (isActive(status) || status.phase === "Paused") return { status: held(status, facts.nowMs) };
  } else if (isHeldByUser(status)) {
    return { status: resumed(status, { policy, nowMs: facts.nowMs }), goesOn: true };
  }
  return PHASES[status.phase ?? ""]?.(status, input) ?? { status };
}

type Step = (status: Status, input: PlanInput) => Outcome;

const PHASES: Readonly<Record<string, Step>> = {
  Pending: pending,
  PrePulling: forward(prePulling),
  Progressing: forward(progressing),
  Verifying: forward(verifying),
  Paused: standing,
  Completed: completed,
  RollingBack: rollingBack,
};

function pending(status: Status, input: PlanInput): Outcome {
  const { facts } = input;
  const hasNone = facts.batches.batches.every(({ targets }) => targets.length === 0);
  if (hasNone && status.stableRevision === undefined)
    return { status: { ...status, message: told("the application has no target yet", facts) } };
  return enterBatch(status, 0, input);
}

function enterBatch(status: Status, index: number, { facts }: PlanInput): Outcome {
  const { batches } = facts.batches;
  const batch = batches[index];
  if (batch === undefined) return complete(status, facts);
  const place = { batch: index + 1, batches: batches.length, batchName: batch.name };
  return { status: enter({ ...status, ...place }, "PrePulling", facts.nowMs), goesOn: true };
}

function complete(status: Status, facts: Facts): Outcome {
  const done = { ...without(lasting(status), "failedRevision"), stableRevision: facts.wanted };
  return { status: enter(done, "Completed", facts.nowMs), goesOn: true };
}

/** Finds the batch anew where the spec's order was edited, and takes in targets that came late. */
function forward(step: (status: Status, input: PlanInput, batch: Batch) => Outcome): Step {
  return (status, input) => {
    const { batches } = input.facts.batches;
    const index = (status.batch ?? 1) - 1;
    const batch = batches[index];
    if (batch === undefined || batch.name !== status.batchName) return relocated(status, input);
    const isGiven = status.phase !== "PrePulling";
    const known = new Set(status.updatedTargets);
    const late = batches
      .slice(0, isGiven ? index + 1 : index)
      .flatMap(({ targets }) => targets.filter((target) => !known.has(target)));
    const all = new Set(batches.flatMap(({ targets }) => targets));
    const updatedTargets = [...known, ...late].filter((target) => all.has(target)).sort();
    const next = { ...status, updatedTargets, batches: batches.length };
    if (status.phase === "Verifying" && late.some((target) => batch.targets.includes(target)))
      return { status: enter(next, "Progressing", input.facts.nowMs), goesOn: true };
    return step(next, input, batch);
  };
}

function relocated(status: Status, input: PlanInput): Outcome {
  const known = new Set(status.updatedTargets);
  const { batches } = input.facts.batches;
  const open = batches.findIndex(({ targets }) => targets.some((target) => !known.has(target)));
  // All have it: the last batch is gone through once more, so that its checks are made.
  return enterBatch(status, open >= 0 ? open : Math.max(0, batches.length - 1), input);
}

function prePulling(status: Status, input: PlanInput, batch: Batch): Outcome {
  const { policy, facts } = input;
  const index = (status.batch ?? 1) - 1;
  if (batch.targets.length === 0) return enterBatch(status, index + 1, input);
  const given = (): Outcome => {
    const updatedTargets = [...new Set([...(status.updatedTargets ?? []), ...batch.targets])].sort();
    return { status: enter({ ...status, updatedTargets }, "Progressing", facts.nowMs), goesOn: true };
  };
  if (!policy.doesPrePull) return given();
  if (facts.pull?.batch !== index)
    return { status, want: { kind: "pull", batch: index, targets: batch.targets } };
  const { answer } = facts.pull;
  if (answer.state === "failed") return failed(status, "PullFailed", input, answer.message);
  if (answer.state !== "pulling") return given();
  const leftMs = policy.pullTimeoutMs - sinceMs(status, facts.nowMs);
  if (leftMs <= 0)
    return failed(status, "PullFailed", input, `images are not there after ${policy.pullTimeoutMs / 1000} s`);
  const message = told(`${batchText(status)}: images are being pulled`, facts);
  return { status: { ...status, message }, afterMs: Math.min(PULL_POLL_MS, leftMs) };
}

function progressing(status: Status, input: PlanInput, batch: Batch): Outcome {
  const { policy, facts } = input;
  const waits = waitingOf(batch.targets, facts.wanted, facts);
  if (waits === undefined) return { status: enter(status, "Verifying", facts.nowMs), goesOn: true };
  const leftMs = policy.deadlineMs - sinceMs(status, facts.nowMs);
  if (leftMs <= 0)
    return failed(status, "DeadlineExceeded", input, `after ${policy.deadlineMs / 1000} s ${waits}`);
  return { status: { ...status, message: told(`${batchText(status)}: ${waits}`, facts) }, afterMs: leftMs };
}

/** How many targets are waited for, and what the first of them waits for. */
function waitingOf(targets: readonly string[], revision: string, facts: Facts): string | undefined {
  const waiting = targets.flatMap((target) => {
    const reason = facts.waitsFor(target, revision);
    return reason === undefined ? [] : [`${target}: ${reason}`];
  });
  if (waiting.length === 0) return undefined;
  return `${waiting.length} of ${targets.length} targets not done; ${waiting[0] ?? ""}`;
}

function verifying(status: Status, input: PlanInput): Outcome {
  const { policy, facts } = input;
  const next = (): Outcome => enterBatch(status, status.batch ?? 1, input);
  if (policy.checks.length === 0) return next();
  const dueMs = dueInMs(status, input);
  if (dueMs > 0) return { status: { ...status, message: verifyingText(status, facts) }, afterMs: dueMs };
  if (facts.measured === undefined) return { status, want: { kind: "measure" } };
  const checks = measuredRows(status, policy, facts.measured, facts.nowMs);
  const measured: Status = { ...status, checks, message: verifyingText(status, facts) };
  const silentMs = (row?: EdgeApplicationRolloutCheck): number => silentForMs(status, row, input);
  const verdict = verdictOf(policy, new Map(checks.map((row) => [row.name, row])), silentMs);
  if (verdict.kind === "failed") return failed(measured, "CheckFailed", input, verdict.message);
  if (verdict.kind === "silent") return paused(measured, "CheckUnavailable", input, verdict.message);
  if (verdict.kind === "passed") return next();
  return { status: measured, afterMs: policy.intervalMs };
}

const verifyingText = (status: Status, facts: Facts): string =>
  told(`${batchText(status)}: is being checked`, facts);

function measuredRows(
  status: Status,
  { checks }: Policy,
  measured: readonly Measured[],
  nowMs: number,
): EdgeApplicationRolloutCheck[] {
  const rows = new Map(status.checks?.map((row) => [row.name, row]));
  return checks.map((check, index) =>
    judged(check, rows.get(check.name), {
      measured: measured[index] ?? { error: "it was not asked for" },
      now: iso(nowMs),
    }),
  );
}

/** Until the next measurement; a check that was just asked for is not asked again because something else happened. */
function dueInMs(status: Status, { policy, facts }: PlanInput): number {
  const delayMs = policy.initialDelayMs - sinceMs(status, facts.nowMs);
  if (delayMs > 0) return delayMs;
  if (facts.measured !== undefined) return 0;
  const start = Date.parse(status.phaseStartTime ?? "");
  const times = (status.checks ?? []).map(({ time }) => Date.parse(time ?? ""));
  const lastMs = Math.max(
    ...[facts.askedMs ?? Number.NaN, ...times].filter((time) => time >= start && time <= facts.nowMs),
    0,
  );
  return lastMs + policy.intervalMs - facts.nowMs;
}

/** Since the last number, or since there could have been one. */
function silentForMs(
  status: Status,
  row: EdgeApplicationRolloutCheck | undefined,
  { policy, facts }: PlanInput,
): number {
  const couldMs = sinceMs(status, facts.nowMs) - policy.initialDelayMs;
  const time = Date.parse(row?.time ?? "");
  return Number.isNaN(time) ? couldMs : Math.min(couldMs, facts.nowMs - time);
}

/** Stands until the spec changes, or is paused and told to go on; one that only lacks numbers goes on by itself. */
function standing(status: Status, { policy, facts }: PlanInput): Outcome {
  if (status.reason !== "CheckUnavailable") return { status };
  const dueMs = (facts.askedMs ?? 0) + policy.intervalMs - facts.nowMs;
  if (facts.measured === undefined)
    return dueMs > 0 ? { status, afterMs: dueMs } : { status, want: { kind: "measure" } };
  if (facts.measured.some((one) => "error" in one)) return { status, afterMs: policy.intervalMs };
  const startMs = facts.nowMs - policy.initialDelayMs;
  return { status: enter(status, "Verifying", startMs), goesOn: true };
}

function completed(status: Status, { facts }: PlanInput): Outcome {
  const { batches } = facts.batches;
  const place = batches.length === 0 ? {} : { batch: batches.length, batches: batches.length };
  const updatedTargets = batches.flatMap(({ targets }) => targets).sort();
  const message = told("every target has the wanted revision", facts);
  return {
    status: {
      ...without(status, "batchName"),
      ...place,
      stableRevision: facts.wanted,
      updatedTargets,
      message,
    },
  };
}

function rollingBack(status: Status, { facts }: PlanInput): Outcome {
  const { stableRevision = "" } = status;
  // Somebody deleted it: nothing was changed back.
  if (facts.stableTargets === undefined) return { status: nowhere(status, facts.nowMs) };
  const waits = waitingOf(facts.stableTargets, stableRevision, facts);
  // What was stopped stays in the message: it is why this happens.
  if (waits !== undefined)
    return { status: status.reason === undefined ? { ...status, message: told(waits, facts) } : status };
  if (status.revision === stableRevision) return complete(status, facts);
  const { reason, message } = status;
  const why = { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
  return { status: enter(status, "RolledBack", facts.nowMs, why) };
}

/** The revision is not tried any more: as `onFailure` says, it is taken back, or everything stands. */
function failed(status: Status, reason: StopReason, input: PlanInput, what: string): Outcome {
  const { policy, facts } = input;
  if (policy.onFailure === "Pause")
    return paused({ ...status, failedRevision: facts.wanted }, reason, input, what);
  const message = cut(`${batchText(status)}: ${what}`);
  const checks = status.checks && { checks: status.checks };
  const stopped = { ...status, failedRevision: facts.wanted };
  if (facts.stableTargets === undefined || status.stableRevision === facts.wanted) {
    return { status: nowhere({ ...stopped, message }, facts.nowMs) };
  }
  const back = { ...stopped, updatedTargets: [] };
  return { status: enter(back, "RollingBack", facts.nowMs, { reason, message, ...checks }), goesOn: true };
}

function paused(status: Status, reason: StopReason, { facts, policy }: PlanInput, what: string): Outcome {
  const { phase, checks } = status;
  const stopped = enter(status, "Paused", facts.nowMs, {
    ...{ reason, message: cut(`${batchText(status)}: ${what}`) },
    ...(phase !== undefined && { resumePhase: phase }),
    ...(checks && { checks }),
  });
  return { status: stopped, ...(reason === "CheckUnavailable" && { afterMs: policy.intervalMs }) };
}

/** A message, and what of the spec's batches means nothing. */
function told(message: string, { batches: { unknown } }: Facts): string {
  if (unknown.length === 0) return cut(message);
  const named = unknown.slice(0, 5).join(", ") + (unknown.length > 5 ? ", …" : "");
  return cut(`${message}; batches name targets that the application does not have: ${named}`);
}
