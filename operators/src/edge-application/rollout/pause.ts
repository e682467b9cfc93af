// SPDX-License-Identifier: Apache-2.0
import type { Policy } from "./policy.ts";
import { batchText, enter, isActive, iso, lasting, sinceMs, without, type Status } from "./state.ts";

/** Whether it is the user who holds it. A way back that stands keeps the reason why it was begun. */
export const isHeldByUser = ({ phase, reason, resumePhase }: Status): boolean =>
  phase === "Paused" && (reason === "Paused" || resumePhase === "RollingBack");

/** Held back by the user. What had stopped it before is taken as seen: letting go tries it again. */
export function held(status: Status, nowMs: number): Status {
  if (isHeldByUser(status)) return status;
  const { phase, checks, reason, message } = status;
  const elapsedSeconds = Math.floor(sinceMs(status, nowMs) / 1000);
  if (phase === "RollingBack")
    return enter(status, "Paused", nowMs, {
      ...{ resumePhase: phase, elapsedSeconds },
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
    });
  const isRunning = isActive(status);
  const resumePhase = isRunning ? phase : status.resumePhase;
  return enter(without(status, "failedRevision"), "Paused", nowMs, {
    ...{ reason: "Paused", message: `${batchText(status)}: spec.rollout.paused is true` },
    ...(resumePhase !== undefined && { resumePhase }),
    elapsedSeconds: isRunning ? elapsedSeconds : 0,
    ...(isRunning && checks && { checks }),
  });
}

/** Goes on where it was: the time that it stood is not counted. */
export function resumed(
  status: Status,
  { policy, nowMs }: { readonly policy: Policy; readonly nowMs: number },
): Status {
  const { resumePhase = "PrePulling", elapsedSeconds = 0, checks, reason, message } = status;
  const isVerifying = resumePhase === "Verifying";
  const isBack = resumePhase === "RollingBack";
  // What was measured before counts, but since when there was no number does not.
  const elapsedMs = isVerifying
    ? Math.min(policy.initialDelayMs, elapsedSeconds * 1000)
    : elapsedSeconds * 1000;
  return {
    ...lasting(status),
    ...{ phase: resumePhase, phaseStartTime: iso(nowMs - elapsedMs) },
    ...(checks && { checks: checks.map((row) => without(row, "time")) }),
    ...(isBack && reason !== undefined && { reason }),
    ...(isBack && message !== undefined && { message }),
  };
}
