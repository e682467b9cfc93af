// SPDX-License-Identifier: Apache-2.0
import { REPORT_LIMITS } from "@longshore/crds/tasks";
import type { StepContext, StepOutcome, StepRunner } from "../port.ts";
import { PULL_OPTIONS, pullAll, type PullDeps, type PullOptions } from "./pull.ts";
import { freeShareOf } from "./room.ts";
import { prePullOf, templateFaults } from "./template.ts";

/** What pre-pull jobs need of the agent. */
export interface PrePullDeps extends Omit<PullDeps, "freeShare" | "options"> {
  readonly freeShare?: PullDeps["freeShare"];
  readonly options?: Partial<PullOptions>;
}

/** Steps of an ImagePrePullJob: Check is the faults and the check items of every job, Pull brings the images. */
export function createPrePullRunner(deps: PrePullDeps): StepRunner {
  const options = { ...PULL_OPTIONS, ...deps.options };
  const pullDeps: PullDeps = { ...deps, freeShare: deps.freeShare ?? freeShareOf, options };
  const run = async (step: string, context: StepContext): Promise<StepOutcome> => {
    const { spec } = context.order;
    const faults = templateFaults(spec);
    if (faults.length > 0) return refused(faults.join("; "));
    if (step === "Check") return { ok: true };
    if (step === "Pull") return pullAll(prePullOf(spec), context, pullDeps);
    return refused(`an ImagePrePullJob has no step ${step.slice(0, REPORT_LIMITS.stepChars)}`);
  };
  return { kind: "ImagePrePullJob", changesAgent: false, faults: templateFaults, run };
}

const refused = (reason: string): StepOutcome => ({
  ok: false,
  reason: reason.slice(0, REPORT_LIMITS.reasonChars),
  unchanged: true,
});
