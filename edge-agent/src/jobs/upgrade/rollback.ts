// SPDX-License-Identifier: Apache-2.0
import { isMade, readTrial, removeTrial, writeTrial, type Trial } from "../../trial/index.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import { manifestInUse } from "./backup.ts";
import type { UpgradeParts } from "./deps.ts";
import { keep, noteOf, trialId } from "./note.ts";

/**
 * Says what the launcher did. Where it did nothing yet, for the change failed half-way, leaves it the order to take it
 * back and ends the agent.
 */
export async function rollBackStep(
  parts: UpgradeParts,
  context: StepContext,
  version: string,
): Promise<StepOutcome> {
  const { disk, agentDir } = parts;
  const trial = readTrial(disk, agentDir);
  if (trial?.id === trialId(context.order)) {
    const isLeft = isMade(parts, trial);
    if (trial.state !== "rolled-back" && isLeft) return leaveToLauncher(parts, trial);
    await keep(context, {
      rolledBack: isLeft ? { left: trial.reason ?? "the change could not be taken back" } : {},
    });
    removeTrial(disk, agentDir);
  }
  const { left } = noteOf(context).rolledBack ?? {};
  const versions = { fromVersion: version, toVersion: manifestInUse(parts).version };
  return left === undefined ? { ok: true, ...versions } : { ok: false, reason: left, ...versions };
}

function leaveToLauncher({ disk, agentDir }: UpgradeParts, trial: Trial): StepOutcome {
  const { reason = "the upgrade failed" } = trial;
  writeTrial(disk, agentDir, { ...trial, state: "trying", reason });
  return { wait: "restart" };
}
