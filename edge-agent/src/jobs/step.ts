// SPDX-License-Identifier: Apache-2.0
import { FIRST_STEP } from "@longshore/crds/tasks";
import { StoreError } from "../store/port.ts";
import type { CheckItems } from "./checks.ts";
import type { StepContext, StepOutcome, StepRunner } from "./port.ts";

/** What running a step needs. */
export interface StepDeps {
  /** Undefined: this agent does no jobs of the kind. */
  readonly runner: StepRunner | undefined;
  readonly checkItems: CheckItems;
}

/**
 * Runs one step. The first checks the spec as if nobody had before, then the items that the job names.
 *
 * @throws {StoreError} what it kept is not durable: it is run again
 * @throws whatever a step throws once the agent stops
 */
export async function runStep(step: string, context: StepContext, deps: StepDeps): Promise<StepOutcome> {
  try {
    const refused = step === FIRST_STEP ? await refusalOf(context.order.spec, deps) : undefined;
    if (refused !== undefined) return refused;
    if (deps.runner === undefined) return { ok: false, reason: UNKNOWN, unchanged: true };
    return await deps.runner.run(step, context);
  } catch (error) {
    if (context.signal.aborted || error instanceof StoreError) throw error;
    return {
      ok: false,
      reason: `the step failed: ${error instanceof Error ? error.message : "unknown error"}`,
    };
  }
}

const UNKNOWN = "this agent does no jobs of this kind";

async function refusalOf(spec: unknown, { runner, checkItems }: StepDeps): Promise<StepOutcome | undefined> {
  const faults = runner?.faults(spec) ?? [UNKNOWN];
  const reasons = faults.length > 0 ? faults : await checkItems(checkItemsOf(spec));
  return reasons.length > 0 ? { ok: false, reason: reasons.join("; "), unchanged: true } : undefined;
}

interface WithItems {
  readonly checkItems?: unknown;
  readonly imagePrePullTemplate?: { readonly checkItems?: unknown };
}

const MAX_ITEMS = 16;

/** Of a spec that has no faults. */
function checkItemsOf(spec: unknown): readonly string[] {
  const { checkItems, imagePrePullTemplate } = (spec ?? {}) as WithItems;
  const items = checkItems ?? imagePrePullTemplate?.checkItems;
  if (!Array.isArray(items)) return [];
  return items.filter((item) => typeof item === "string").slice(0, MAX_ITEMS);
}
