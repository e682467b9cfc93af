// SPDX-License-Identifier: Apache-2.0
import {
  isMade,
  isRunnable,
  MAX_STARTS,
  otherSlot,
  performUndo,
  pointTo,
  pointedSlot,
  readTrial,
  runnableSlot,
  slotFolder,
  TrialError,
  trialPath,
  UndoError,
  writeTrial,
  type Slot,
  type Trial,
  type UndoParts,
} from "../trial/index.ts";
import { decideStart } from "./decide.ts";
import type { LauncherLog } from "./log.ts";

/** Which agent to start, and whether it is on trial. */
export interface Start {
  /** Undefined: there is no agent at all. */
  readonly slot: Slot | undefined;
  readonly trial?: Trial;
}

/**
 * Everything that is to be done before an agent is started: takes back what must be, counts the start of a trial.
 * Power may go anywhere in it: the next run goes on.
 *
 * @throws Node's errors when something cannot be taken back now
 */
export function prepareStart(parts: UndoParts, log: LauncherLog): Start {
  const trial = trialIn(parts, log);
  const slot = slotToStart(parts, log); // first: a change that is gone is none to be tried
  const decision = decideStart(trial, trial !== undefined && isMade(parts, trial));
  if (decision.do === "undo") {
    takeBack(parts, decision.trial, log);
    return { slot: slotToStart(parts, log) };
  }
  if (decision.do === "run" || slot === undefined) return { slot };
  store(parts, decision.trial, log);
  return { slot, trial: decision.trial };
}

/** @returns undefined for none. One that is damaged is set aside for one that knows less. */
export function trialIn(parts: UndoParts, log: LauncherLog): Trial | undefined {
  const { disk, agentDir } = parts;
  try {
    return readTrial(disk, agentDir);
  } catch (error) {
    if (!(error instanceof TrialError)) throw error;
    log("error", error.message);
    const trial = trialOfUnknown(parts);
    if (!setAside(parts, log)) return undefined;
    if (trial !== undefined) store(parts, trial, log);
    return trial;
  }
}

function setAside({ disk, agentDir }: UndoParts, log: LauncherLog): boolean {
  try {
    disk.rename(trialPath(agentDir), `${trialPath(agentDir)}.damaged`);
    return true;
  } catch (error) {
    log("error", `it cannot be set aside: ${String(error)}`);
    return false;
  }
}

/** Long, for the change may have been none of the agent: one that ends again and again is what it is for. */
const UNKNOWN_TIMEOUT_MS = 3_600_000;

/** Whatever was on trial: where the agent that is pointed to is not well, the other slot's takes its place. */
function trialOfUnknown({ disk, agentDir }: UndoParts): Trial | undefined {
  const slot = runnableSlot(disk, agentDir);
  const other = slot === undefined ? undefined : otherSlot(slot);
  if (other === undefined || !isRunnable(disk, slotFolder(agentDir, other))) return undefined;
  const undo = [{ do: "slot", slot: other }] as const;
  const limits = { maxStarts: MAX_STARTS, healthTimeoutMs: UNKNOWN_TIMEOUT_MS };
  return { id: "damaged", state: "trying", starts: 0, ...limits, undo };
}

/** @returns false when it could not be stored: the agent is more important than the count of its starts */
export function store({ disk, agentDir }: UndoParts, trial: Trial, log: LauncherLog): boolean {
  try {
    writeTrial(disk, agentDir, trial);
    return true;
  } catch (error) {
    log("error", `the trial cannot be stored: ${String(error)}`);
    return false;
  }
}

function takeBack(parts: UndoParts, trial: Trial, log: LauncherLog): void {
  const { disk, agentDir } = parts;
  log("warn", `taking the change ${trial.id} back: ${trial.reason ?? ""}`);
  writeTrial(disk, agentDir, trial); // the decision first: a cut does not change it
  const left = trial.undo.flatMap((undo) => {
    try {
      performUndo(parts, undo);
      return [];
    } catch (error) {
      if (!(error instanceof UndoError)) throw error;
      log("error", error.message);
      return [error.message];
    }
  });
  const reason = [trial.reason ?? "", ...left.map((text) => `not taken back: ${text}`)].join("; ");
  writeTrial(disk, agentDir, { ...trial, state: "rolled-back", reason });
}

/** Where the slot that is pointed to holds no agent, the pointer goes to the one that does. */
function slotToStart({ disk, agentDir }: UndoParts, log: LauncherLog): Slot | undefined {
  const slot = runnableSlot(disk, agentDir);
  if (slot === undefined || pointedSlot(disk, agentDir) === slot) return slot;
  log("error", `the pointer leads to no agent: it is set to slot ${slot}`);
  try {
    pointTo(disk, agentDir, slot);
  } catch (error) {
    log("error", `the pointer cannot be set: ${String(error)}`);
  }
  return slot;
}
