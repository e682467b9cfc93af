// SPDX-License-Identifier: Apache-2.0
import type { CheckItems } from "../checks.ts";
import type { StepContext, StepOutcome, StepRunner } from "../port.ts";
import { PULL_OPTIONS, pullAll, type PullDeps, type PullOptions } from "./pull.ts";
import { freeShareOf } from "./room.ts";
import { prePullOf, templateFaults } from "./template.ts";

/** What pre-pull jobs need of the agent. */
export interface PrePullDeps extends Omit<PullDeps, "freeShare" | "options"> {
  readonly check: CheckItems;
  readonly freeShare?: PullDeps["freeShare"];
  readonly options?: Partial<PullOptions>;
}

/** Steps of an ImagePrePullJob: Check looks at the machine, Pull brings the images. */
export function createPrePullRunner(deps: PrePullDeps): StepRunner {
  const options = { ...PULL_OPTIONS, ...deps.options };
  const pullDeps: PullDeps = { ...deps, freeShare: deps.freeShare ?? freeShareOf, options };
  const run = async (step: string, context: StepContext): Promise<StepOutcome> => {
    const faults = templateFaults(context.order.spec);
    if (faults.length > 0) return refused(faults);
    const job = prePullOf(context.order.spec);
    if (step === "Pull") return pullAll(job, context, pullDeps);
    if (step !== "Check") return refused([`an ImagePrePullJob has no step ${step.slice(0, 64)}`]);
    const problems = await deps.check(job.checkItems);
    return problems.length === 0 ? { ok: true } : refused(problems);
  };
  return { kind: "ImagePrePullJob", changesAgent: false, faults: templateFaults, run };
}

const refused = (reasons: readonly string[]): StepOutcome => ({
  ok: false,
  reason: reasons.join("; "),
  unchanged: true,
});
