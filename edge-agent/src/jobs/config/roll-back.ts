// SPDX-License-Identifier: Apache-2.0
import { readTrial, removeTrial } from "../../trial/index.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import { isAsBackedUp, isSameBytes, MAX_CONFIG_BYTES, readBackup } from "./backup.ts";
import type { ConfigSteps } from "./deps.ts";
import { readState, writeState } from "./disk.ts";
import { noteOf } from "./note.ts";
import { trialId } from "./update.ts";

/**
 * The file is byte for byte what it was, with the same owner and mode; the launcher has seen to it already, unless the
 * change failed half-way. Where bytes had to be written the agent starts anew with them.
 *
 * @throws Node's errors
 */
export function rollBack(context: StepContext, steps: ConfigSteps): StepOutcome {
  const { backup, makes = 0 } = noteOf(context);
  if (backup === undefined) return { ok: true };
  const path = steps.disk.realPath(steps.file);
  const state = readState(steps.disk, path, MAX_CONFIG_BYTES);
  const isRestored = !isAsBackedUp(state, backup);
  if (isRestored) writeState(steps.disk, path, readBackup(steps.disk, backup));
  dropTrial(context, steps);
  return isRestored && makes > 0 && !isSameBytes(state, backup) ? { wait: "restart" } : { ok: true };
}

function dropTrial(context: StepContext, { disk, agentDir }: ConfigSteps): void {
  if (agentDir !== undefined && readTrial(disk, agentDir)?.id === trialId(context.order))
    removeTrial(disk, agentDir);
}
