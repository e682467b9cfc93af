// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationRolloutStatus } from "@longshore/crds/apps";

export type Status = EdgeApplicationRolloutStatus;

export type Phase =
  | "Pending"
  | "PrePulling"
  | "Progressing"
  | "Verifying"
  | "Paused"
  | "Completed"
  | "RollingBack"
  | "RolledBack"
  | "Failed";

/** Why a rollout stopped or stands; words of the condition RolledOut. */
export type StopReason =
  "Paused" | "CheckFailed" | "CheckUnavailable" | "DeadlineExceeded" | "PullFailed" | "NothingToReturnTo";

const ACTIVE: ReadonlySet<string> = new Set(["PrePulling", "Progressing", "Verifying", "RollingBack"]);
/** Has a next step that a pause holds back. */
export const isActive = ({ phase }: Status): boolean => phase !== undefined && ACTIVE.has(phase);
/** Stands: nothing is moved. */
export const isStill = ({ phase }: Status): boolean => phase === "Paused" || phase === "Failed";

const MAX_MESSAGE = 1024;
export const cut = (message: string): string =>
  message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`;

export const iso = (nowMs: number): string => new Date(nowMs).toISOString();
/** How long the phase has taken. */
export function sinceMs({ phaseStartTime }: Status, nowMs: number): number {
  const start = Date.parse(phaseStartTime ?? "");
  return Number.isNaN(start) ? 0 : Math.max(0, nowMs - start);
}

/** What stays true whichever phase comes next. */
export function lasting(status: Status): Status {
  const { revision, stableRevision, failedRevision, updatedTargets, batch, batches, batchName } = status;
  return {
    ...(revision !== undefined && { revision }),
    ...(stableRevision !== undefined && { stableRevision }),
    ...(failedRevision !== undefined && { failedRevision }),
    ...(updatedTargets !== undefined && { updatedTargets }),
    ...(batch !== undefined && { batch }),
    ...(batches !== undefined && { batches }),
    ...(batchName !== undefined && { batchName }),
  };
}

/** The status in a new phase: what only the old one needed is gone. */
export const enter = (status: Status, phase: Phase, nowMs: number, more: Status = {}): Status => ({
  ...lasting(status),
  ...{ phase, phaseStartTime: iso(nowMs) },
  ...more,
});

/** `batch 2 of 3 (north)` */
export const batchText = ({ batch = 0, batches = 0, batchName = "" }: Status): string =>
  `batch ${batch} of ${batches} (${batchName})`;

/** For the column. */
export function progressOf(status: Status): string {
  const { phase = "", resumePhase, batch = 0, batches = 0 } = status;
  const hasBatch = ["PrePulling", "Progressing", "Verifying"].includes(resumePhase ?? phase);
  return hasBatch && batches > 0 ? `${phase} ${batch}/${batches}` : phase;
}

export function without<T extends object, K extends keyof T & string>(
  object: T,
  ...keys: readonly K[]
): Omit<T, K> {
  const kept = Object.entries(object).filter(([key]) => !(keys as readonly string[]).includes(key));
  return Object.fromEntries(kept) as Omit<T, K>;
}

/** Clocks of controllers that take over from one another may differ so much. */
const MAX_SKEW_MS = 5_000;

/** A phase that began in the future: some clock was wrong, and nothing must wait until that time has come. */
export function timely(status: Status, nowMs: number): Status {
  const isAhead = Date.parse(status.phaseStartTime ?? "") > nowMs + MAX_SKEW_MS;
  return isAhead ? { ...status, phaseStartTime: iso(nowMs) } : status;
}

/** Nothing can be gone back to. */
export function nowhere(status: Status, nowMs: number): Status {
  const { checks, message = "" } = status;
  return enter(status, "Failed", nowMs, {
    reason: "NothingToReturnTo",
    message: cut(`${message}; there is no earlier revision to return to: change the spec`),
    ...(checks && { checks }),
  });
}
