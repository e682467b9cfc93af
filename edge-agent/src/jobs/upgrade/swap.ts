// SPDX-License-Identifier: Apache-2.0
import {
  fillSlot,
  isPending,
  otherSlot,
  pointedSlot,
  pointTo,
  readTrial,
  removeTrial,
  slotFolder,
  writeTrial,
  type Slot,
  type Trial,
  type Undo,
} from "../../trial/index.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import { manifestInUse } from "./backup.ts";
import { sealedFault } from "./check.ts";
import type { UpgradeParts } from "./deps.ts";
import { keep, noteOf, stagedFolder, trialId, type Note, type Outcome } from "./note.ts";
import { untilJudged } from "./verdict.ts";

/**
 * First: the fetched agent goes into the free slot, a trial is written, the pointer swapped, and the agent ends. Again,
 * after each start: what became of the trial.
 */
export async function upgradeStep(
  parts: UpgradeParts,
  context: StepContext,
  version: string,
): Promise<StepOutcome> {
  const { outcome } = noteOf(context);
  if (outcome) return ended(parts, context, outcome, version);
  const trial = readTrial(parts.disk, parts.agentDir);
  if (trial?.id !== trialId(context.order)) return begin(parts, context, trial, version);
  if (trial.state === "prepared") return goOn(parts, context, trial);
  const judged = await untilJudged(parts, context, trial);
  if (judged === undefined) return { wait: "restart" };
  const next = outcomeOf(judged, noteOf(context).from ?? manifestInUse(parts).version);
  await keep(context, { outcome: next });
  return ended(parts, context, next, version);
}

/** The outcome is stored: the trial's file has done its work, but for RollBack. */
function ended(parts: UpgradeParts, context: StepContext, outcome: Outcome, version: string): StepOutcome {
  const { disk, agentDir } = parts;
  const { ok, from, reason = "", log } = outcome;
  if (ok && readTrial(disk, agentDir)?.id === trialId(context.order)) removeTrial(disk, agentDir);
  if (ok) return { ok, fromVersion: from, toVersion: version };
  return { ok, reason, ...(log === undefined ? {} : { log }), fromVersion: from, toVersion: version };
}

/** @param from where the note was lost with the store: what runs, which is the agent of before */
function outcomeOf(trial: Trial, from: string): Outcome {
  if (trial.state === "confirmed") return { ok: true, from };
  const { reason = "the new agent was not well", log } = trial;
  return { ok: false, from, reason, ...(log === undefined ? {} : { log }) };
}

const notAsItWas = (fault: string): string => `the agent that was fetched is not as it was: ${fault}`;

const failed = (reason: string): StepOutcome => ({ ok: false, reason, unchanged: true });

async function begin(
  parts: UpgradeParts,
  context: StepContext,
  other: Trial | undefined,
  version: string,
): Promise<StepOutcome> {
  const { disk, agentDir } = parts;
  if (other !== undefined && isPending(other)) return failed("another change of this agent is on trial");
  const inUse = manifestInUse(parts);
  const note = noteOf(context);
  if (inUse.digest !== "" && inUse.digest === note.digest)
    return { ok: true, fromVersion: inUse.version, toVersion: version };
  const old = pointedSlot(disk, agentDir);
  if (old === undefined) return failed("nothing says which agent runs");
  const fault = await fill(parts, context, otherSlot(old));
  if (fault !== undefined) return failed(notAsItWas(fault));
  const trial = newTrial(parts, trialId(context.order), undoOf(parts, note, old));
  writeTrial(disk, agentDir, trial);
  return swap(parts, trial);
}

/** A cut may have come when the slot was full already. @returns what is not as it was fetched */
async function fill(parts: UpgradeParts, context: StepContext, slot: Slot): Promise<string | undefined> {
  const { disk, agentDir } = parts;
  const staged = stagedFolder(agentDir, context.order);
  if (disk.entry(staged) === undefined) return sealedFault(disk, slotFolder(agentDir, slot), context);
  const fault = await sealedFault(disk, staged, context);
  if (fault === undefined) fillSlot(disk, agentDir, slot, staged);
  return fault;
}

function undoOf({ store }: UpgradeParts, { backup }: Note, old: Slot): readonly Undo[] {
  const slot: Undo = { do: "slot", slot: old };
  if (backup === undefined) return [slot];
  const { file, sha256 } = backup;
  return [slot, { do: "store", path: store.file, backup: file, sha256, schema: store.schema }];
}

function newTrial({ options, isRuntimeHealthy }: UpgradeParts, id: string, undo: readonly Undo[]): Trial {
  const { maxStarts, healthTimeoutMs } = options;
  const runtimeWasHealthy = isRuntimeHealthy();
  return { id, state: "prepared", starts: 0, maxStarts, healthTimeoutMs, undo, runtimeWasHealthy };
}

/** The power went before the swap, or the launcher found no agent to start there. */
async function goOn(parts: UpgradeParts, context: StepContext, trial: Trial): Promise<StepOutcome> {
  const fault = await sealedFault(parts.disk, slotFolder(parts.agentDir, slotOnTrial(trial)), context);
  return fault === undefined ? swap(parts, trial) : { ok: false, reason: notAsItWas(fault) };
}

const slotOnTrial = ({ undo }: Trial): Slot =>
  undo.some((each) => each.do === "slot" && each.slot === "b") ? "a" : "b";

/** The pointer's swap is the change; from here on the launcher judges. */
function swap({ disk, agentDir }: UpgradeParts, trial: Trial): StepOutcome {
  pointTo(disk, agentDir, slotOnTrial(trial));
  return { wait: "restart" };
}
