// SPDX-License-Identifier: Apache-2.0
import { readTrial, removeTrial, sha256 } from "../../trial/index.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import { isAsBackedUp, isSameBytes, MAX_CONFIG_BYTES, readBackup, type Backup } from "./backup.ts";
import type { ConfigSteps } from "./deps.ts";
import { readState, writeState } from "./disk.ts";
import { noteOf } from "./note.ts";
import { trialId } from "./update.ts";

/**
 * The file is byte for byte what it was, with the same owner and mode; the launcher has seen to it already, unless the
 * change failed half-way. Where bytes had to be written the agent starts anew with them. What somebody else wrote
 * meanwhile stays.
 *
 * @throws Node's errors
 */
export function rollBack(context: StepContext, steps: ConfigSteps): StepOutcome {
  const { backup, written, makes = 0 } = noteOf(context);
  if (backup === undefined || written === undefined) return { ok: true }; // the job wrote nothing
  const path = steps.disk.realPath(steps.file);
  const state = readState(steps.disk, path, MAX_CONFIG_BYTES);
  const isBefore = isSameBytes(state, backup);
  const isForeign = !isBefore && sha256(state.bytes) !== written;
  if (!isForeign && !isAsBackedUp(state, backup))
    writeState(steps.disk, path, readBackup(steps.disk, backup));
  dropTrial(context, steps);
  if (isForeign) return leftAlone(backup);
  return isBefore || makes === 0 ? { ok: true } : { wait: "restart" };
}

const leftAlone = ({ path }: Backup): StepOutcome => ({
  ok: false,
  reason: `the configuration file was changed by somebody else meanwhile and is left as it is; before the job it was ${path}`,
});

function dropTrial(context: StepContext, { disk, agentDir }: ConfigSteps): void {
  if (agentDir !== undefined && readTrial(disk, agentDir)?.id === trialId(context.order))
    removeTrial(disk, agentDir);
}
