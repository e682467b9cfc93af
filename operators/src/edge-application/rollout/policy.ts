// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationCheck, EdgeApplicationRollout } from "@longshore/crds/apps";

/** `spec.rollout` with its defaults; they are those that the CRD tells. */
export interface Policy {
  readonly isPaused: boolean;
  readonly maxUnavailable: number | string;
  readonly doesPrePull: boolean;
  readonly pullTimeoutMs: number;
  readonly checks: readonly EdgeApplicationCheck[];
  readonly initialDelayMs: number;
  readonly intervalMs: number;
  readonly successes: number;
  readonly failures: number;
  readonly checkTimeoutMs: number;
  readonly onFailure: "Rollback" | "Pause";
  readonly deadlineMs: number;
  readonly historyLimit: number;
}

export function policyOf(rollout: EdgeApplicationRollout): Policy {
  const { prePull = {}, onFailure = "Rollback", revisionHistoryLimit = 10 } = rollout;
  return {
    ...{ isPaused: rollout.paused === true, maxUnavailable: rollout.maxUnavailable ?? 1 },
    doesPrePull: prePull.enabled !== false,
    pullTimeoutMs: (prePull.timeoutSeconds ?? 600) * 1000,
    deadlineMs: (rollout.progressDeadlineSeconds ?? 600) * 1000,
    ...checkPolicyOf(rollout),
    ...{ onFailure, historyLimit: revisionHistoryLimit },
  };
}

function checkPolicyOf({
  checks = [],
  checkPolicy: policy = {},
}: EdgeApplicationRollout): Pick<
  Policy,
  "checks" | "initialDelayMs" | "intervalMs" | "successes" | "failures" | "checkTimeoutMs"
> {
  const { initialDelaySeconds = 10, intervalSeconds = 10, successes = 3, failures = 1 } = policy;
  return {
    ...{ checks, successes, failures },
    initialDelayMs: initialDelaySeconds * 1000,
    intervalMs: intervalSeconds * 1000,
    checkTimeoutMs: (policy.timeoutSeconds ?? 300) * 1000,
  };
}

/** Pods that may be down at once, of a target with so many nodes; at least 1, percentages rounded down. */
export function capOf(maxUnavailable: number | string, nodes: number): number {
  const text = String(maxUnavailable);
  const wanted = text.endsWith("%") ? (nodes * Number(text.slice(0, -1))) / 100 : Number(text);
  return Number.isFinite(wanted) ? Math.max(1, Math.floor(wanted)) : 1;
}
