// SPDX-License-Identifier: Apache-2.0
import { AGENT_VERSION } from "../../node/index.ts";
import { readTrial, systemDisk } from "../../trial/index.ts";
import type { StepContext, StepOutcome, StepRunner } from "../port.ts";
import { backUpStep } from "./backup.ts";
import { checkStep } from "./check.ts";
import { DEFAULT_UPGRADE, type UpgradeDeps, type UpgradeParts } from "./deps.ts";
import { noteOf, trialId } from "./note.ts";
import { rollBackStep } from "./rollback.ts";
import { specFaults, toUpgrade, type Upgrade } from "./spec.ts";
import { upgradeStep } from "./swap.ts";

type Step = (parts: UpgradeParts, context: StepContext, upgrade: Upgrade) => Promise<StepOutcome>;

const STEPS: Readonly<Record<string, Step>> = {
  Check: checkStep,
  WaitingConfirmation: (_, __, { requireConfirmation }) =>
    Promise.resolve(requireConfirmation ? { ok: true, wait: "confirmation" } : { ok: true }),
  BackUp: async (parts, context) => {
    // Run again in an agent that was taken back: the backup is that of before, and is not to be written again.
    if (!hasBegun(parts, context)) await backUpStep(parts, context);
    return { ok: true };
  },
  Upgrade: (parts, context, { version }) => upgradeStep(parts, context, version),
  RollBack: (parts, context, { version }) => rollBackStep(parts, context, version),
};

const hasBegun = ({ disk, agentDir }: UpgradeParts, context: StepContext): boolean =>
  noteOf(context).outcome !== undefined || readTrial(disk, agentDir)?.id === trialId(context.order);

/** Upgrades this agent by the steps of a NodeUpgradeJob. */
export function createUpgradeRunner(deps: UpgradeDeps): StepRunner {
  const options = { ...DEFAULT_UPGRADE, ...deps.options };
  const { disk = systemDisk, arch = process.arch, version = `v${AGENT_VERSION}` } = deps;
  const run = async (name: string, context: StepContext): Promise<StepOutcome> => {
    const faults = specFaults(context.order.spec);
    if (faults.length > 0) return refused(faults.join("; "));
    if (deps.agentDir === undefined) return refused(NO_LAUNCHER);
    const step = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined;
    if (step === undefined) return refused(`this agent knows no step ${name}`);
    const parts = { ...deps, agentDir: deps.agentDir, disk, arch, version, options };
    return step(parts, context, toUpgrade(context.order.spec, options.defaultImage));
  };
  return { kind: "NodeUpgradeJob", changesAgent: true, faults: specFaults, run };
}

const NO_LAUNCHER =
  "this agent was not started by its launcher: upgrade this node by hand, or install longshore-launcher";

const refused = (reason: string): StepOutcome => ({ ok: false, reason, unchanged: true });
