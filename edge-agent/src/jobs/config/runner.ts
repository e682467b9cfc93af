// SPDX-License-Identifier: Apache-2.0
import { HEALTH_TIMEOUT_MS, MAX_STARTS } from "../../trial/index.ts";
import type { StepContext, StepOutcome, StepRunner } from "../port.ts";
import { check, unchanged } from "./check.ts";
import type { ConfigOptions, ConfigSteps } from "./deps.ts";
import { systemConfigDisk, type ConfigDisk } from "./disk.ts";
import { rollBack } from "./roll-back.ts";
import { changesOf } from "./spec.ts";
import { backUpConfig, update } from "./update.ts";

export const CONFIG_OPTIONS: ConfigOptions = {
  healthTimeoutMs: HEALTH_TIMEOUT_MS,
  maxStarts: MAX_STARTS,
  maxMakes: 3,
  keepBackups: 10,
  pollMs: 500,
};

/** What configuration jobs need of the agent. */
export interface ConfigDeps extends Omit<ConfigSteps, "disk" | "options"> {
  readonly disk?: ConfigDisk;
  readonly options?: Partial<ConfigOptions>;
}

/** Steps of a ConfigUpdateJob. */
export function createConfigRunner(deps: ConfigDeps): StepRunner {
  const steps: ConfigSteps = {
    ...deps,
    disk: deps.disk ?? systemConfigDisk,
    options: { ...CONFIG_OPTIONS, ...deps.options },
  };
  const run = async (step: string, context: StepContext): Promise<StepOutcome> => {
    if (step === "RollBack") return rollBack(context, steps);
    const { changes, faults } = changesOf(context.order.spec);
    if (faults.length > 0) return unchanged(faults.join("; "));
    if (step === "Check") return check(changes, steps);
    if (step === "Update") return update(changes, context, steps);
    if (step !== "BackUp") return unchanged(`a ConfigUpdateJob has no step ${step.slice(0, 64)}`);
    await backUpConfig(context, steps);
    return { ok: true };
  };
  return {
    kind: "ConfigUpdateJob",
    changesAgent: true,
    faults: (spec) => changesOf(spec).faults,
    run,
  };
}
