// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { isPending, readTrial, removeTrial, sha256, writeTrial, type Trial } from "../../trial/index.ts";
import type { Order, StepContext, StepOutcome } from "../port.ts";
import { backUp, isSameBytes, type Backup } from "./backup.ts";
import { planChange, unchanged, type Planned } from "./check.ts";
import type { ConfigSteps } from "./deps.ts";
import { writeState } from "./disk.ts";
import { noteOf, type Note } from "./note.ts";
import type { Change } from "./spec.ts";

/** Whose trial it is. */
export const trialId = ({ uid, attempt }: Pick<Order, "uid" | "attempt">): string => `${uid}/${attempt}`;

/** Keeps the file's bytes. Run again, it keeps what is there then. @throws {StoreError} and Node's errors */
export async function backUpConfig(context: StepContext, steps: ConfigSteps): Promise<Backup> {
  const { disk, backupDir, version, options, log } = steps;
  const backup = backUp(disk, {
    file: disk.realPath(steps.file),
    folder: join(backupDir, version),
    keep: options.keepBackups,
  });
  await context.keep({ ...noteOf(context), backup });
  log.info({ backup: backup.path, sha256: backup.sha256 }, "the configuration file is backed up");
  return backup;
}

/** What is to be done next about a change. */
export type Move = "foreign" | "wait" | "confirmed" | "rolled-back" | "make" | "nothing" | "plain";

/**
 * Pure. A trial that was confirmed says only that an agent is well: whether it was started with the change is seen in
 * the file.
 */
export function nextMove(seen: {
  readonly id: string;
  readonly trial: Pick<Trial, "id" | "state"> | undefined;
  /** The change was put on trial before. */
  readonly isMade: boolean;
  readonly edited: { readonly isOther: boolean; readonly hasEffect: boolean };
}): Move {
  const { trial, edited } = seen;
  if (trial?.id === seen.id) return moveOf(trial.state, edited.isOther);
  if (trial !== undefined && isPending(trial)) return "foreign";
  if (seen.isMade || edited.hasEffect) return "make";
  return edited.isOther ? "plain" : "nothing";
}

function moveOf(state: Trial["state"], isOther: boolean): Move {
  if (state === "rolled-back") return "rolled-back";
  if (state === "trying") return "wait";
  return state === "confirmed" && !isOther ? "confirmed" : "make";
}

/**
 * Puts the changed file on trial and asks for a restart; run again after it, says what became of the trial.
 *
 * @throws {StoreError}, {TrialError}, {EditError} and Node's errors, with the change made or not; the signal's reason
 * when the agent stops meanwhile
 */
export async function update(
  changes: readonly Change[],
  context: StepContext,
  steps: ConfigSteps,
): Promise<StepOutcome> {
  const { agentDir } = steps;
  if (agentDir === undefined) return unchanged("this agent was not started by its launcher");
  const launched = { ...steps, agentDir };
  while (noteOf(context).end === undefined) {
    const outcome = await move(changes, context, launched);
    if (outcome !== undefined) return outcome;
  }
  return endWith(context, launched);
}

type LaunchedSteps = ConfigSteps & { readonly agentDir: string };

/** One move. @returns undefined when there is another one, or an end in the note */
async function move(
  changes: readonly Change[],
  context: StepContext,
  steps: LaunchedSteps,
): Promise<StepOutcome | undefined> {
  const trial = readTrial(steps.disk, steps.agentDir);
  const isMade = (noteOf(context).makes ?? 0) > 0;
  const planned = planChange(changes, steps);
  switch (nextMove({ id: trialId(context.order), trial, isMade, edited: planned.edited })) {
    case "wait":
      context.progress("the agent runs with the changed file, on trial");
      await nextLook(context.signal, steps);
      return undefined;
    case "confirmed":
      await keepEnd(context, { ok: true });
      return undefined;
    case "rolled-back":
      await keepEnd(context, failureOf(trial));
      return undefined;
    case "foreign":
      return { ...unchanged("another change of this agent is on trial"), unchanged: !isMade };
    case "make":
      return make(planned, context, steps);
    case "plain":
      return writePlain(planned, context, steps);
    case "nothing":
      return { ok: true };
  }
}

type End = NonNullable<Note["end"]>;

const keepEnd = (context: StepContext, end: End): Promise<void> => context.keep({ ...noteOf(context), end });

const failureOf = (trial: Trial | undefined): End => ({
  ok: false,
  reason: `the agent was not well with the changed file, which was taken back: ${trial?.reason ?? "no reason told"}`,
  ...(trial?.log !== undefined && { log: trial.log }),
});

/** The outcome is durable: the trial's file may go. */
function endWith(context: StepContext, { disk, agentDir, log }: LaunchedSteps): StepOutcome {
  if (readTrial(disk, agentDir)?.id === trialId(context.order)) removeTrial(disk, agentDir);
  const { end = { ok: true } } = noteOf(context);
  log.info({ job: context.order.name, ok: end.ok }, "the trial of a changed configuration has ended");
  return end;
}

/** The bytes that the launcher would go back to are those that are there now. */
async function backupOfNow(planned: Planned, context: StepContext, steps: ConfigSteps): Promise<Backup> {
  const { backup } = noteOf(context);
  if (backup !== undefined && (isSameBytes(planned.state, backup) || !planned.edited.isOther)) return backup;
  return backUpConfig(context, steps);
}

async function make(
  planned: Planned,
  context: StepContext,
  steps: LaunchedSteps,
): Promise<StepOutcome | undefined> {
  const { makes = 0 } = noteOf(context);
  if (makes >= steps.options.maxMakes)
    return { ok: false, reason: `the change was put on trial ${makes} times, and the agent ended each time` };
  const backup = await backupOfNow(planned, context, steps);
  await context.keep({ ...noteOf(context), makes: makes + 1, written: writtenSum(planned) });
  if (isEdited(planned, steps)) return undefined;
  writeTrial(steps.disk, steps.agentDir, newTrial(planned.path, backup, context, steps));
  writeEdited(planned, steps);
  context.progress("starting anew with the changed file");
  steps.log.info({ job: context.order.name }, "the changed configuration is on trial, starting anew");
  return { wait: "restart" };
}

function newTrial(path: string, backup: Backup, context: StepContext, steps: ConfigSteps): Trial {
  return {
    id: trialId(context.order),
    state: "prepared",
    starts: 0,
    maxStarts: steps.options.maxStarts,
    healthTimeoutMs: steps.options.healthTimeoutMs,
    undo: [{ do: "file", path, backup: backup.path, sha256: backup.sha256 }],
    runtimeWasHealthy: steps.isRuntimeHealthy(),
  };
}

/** Nothing that the agent does changes by it: no trial, no restart. */
async function writePlain(
  planned: Planned,
  context: StepContext,
  steps: ConfigSteps,
): Promise<StepOutcome | undefined> {
  await backupOfNow(planned, context, steps);
  await context.keep({ ...noteOf(context), written: writtenSum(planned) });
  if (isEdited(planned, steps)) return undefined;
  writeEdited(planned, steps);
  return { ok: true };
}

const bytesOf = ({ edited }: Planned): Buffer => Buffer.from(edited.text);
const writtenSum = (planned: Planned): string => sha256(bytesOf(planned));

/** Somebody wrote the file while the note was stored: what was planned would undo that. */
const isEdited = ({ path, state }: Planned, { disk }: ConfigSteps): boolean =>
  !disk.readFile(path).equals(state.bytes);

function writeEdited(planned: Planned, { disk }: ConfigSteps): void {
  const { path, state, edited } = planned;
  if (edited.isOther) writeState(disk, path, { ...state, bytes: bytesOf(planned) });
}

function nextLook(signal: AbortSignal, { clock, options }: ConfigSteps): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.schedule(options.pollMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
