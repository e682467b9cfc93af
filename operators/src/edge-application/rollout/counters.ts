// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";

export type CheckResult = "held" | "failed" | "unanswered";
export type WriteResult = "written" | "failed";

/** What rollouts did, of all applications together. */
export interface RolloutCounters {
  check(result: CheckResult): void;
  hostLabel(result: WriteResult): void;
  /** A batch's images: once for each state that it came to. */
  prePull(state: string): void;
  ended(phase: string): void;
  /** Something of an application that is gone was removed. */
  swept(what: "label" | "job"): void;
}

export const noCounters: RolloutCounters = {
  check: () => undefined,
  hostLabel: () => undefined,
  prePull: () => undefined,
  ended: () => undefined,
  swept: () => undefined,
};

/** @param registry has them once only */
export function createRolloutCounters(registry: Registry): RolloutCounters {
  const counter = <L extends string>(name: string, help: string, label: L): Counter<L> =>
    new Counter({
      name: `longshore_rollout_${name}_total`,
      help,
      labelNames: [label],
      registers: [registry],
    });
  const checks = counter("checks", "Measurements of checks by what came of them", "result");
  const labels = counter("host_labels", "Writes of the label that tells a host's version", "result");
  const pulls = counter("pre_pulls", "Batches whose images came to a state", "state");
  const ends = counter("ends", "Rollouts that ended, or stand", "phase");
  const swept = counter("swept", "What applications that are gone had left", "what");
  for (const result of ["held", "failed", "unanswered"]) checks.inc({ result }, 0);
  for (const result of ["written", "failed"]) labels.inc({ result }, 0);
  return {
    check: (result) => checks.inc({ result }),
    hostLabel: (result) => labels.inc({ result }),
    prePull: (state) => pulls.inc({ state }),
    ended: (phase) => ends.inc({ phase }),
    swept: (what) => swept.inc({ what }),
  };
}
