// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { Disk } from "./disk.ts";
import { removeFile, replaceFile } from "./durable.ts";
import type { Trial, Undo } from "./trial.ts";

/** What is kept of the end of an agent's output, as in the job's status. */
export const LOG_CHARS = 4096;
const REASON_CHARS = 2048;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_UNDO = 16;
const MAX_TIMEOUT_MS = 3_600_000;
const MAX_STARTS_EVER = 100;

export const trialPath = (agentDir: string): string => join(agentDir, "trial.json");

/** There is a trial, but what stands in its file is none: somebody else wrote to it, or the disk is worn out. */
export class TrialError extends Error {
  override readonly name = "TrialError";
  readonly code = "TRIAL_DAMAGED";
  readonly retryable = false;
}

/**
 * @returns undefined where there is no trial
 * @throws {TrialError} the file is damaged; Node's error when it cannot be read
 */
export function readTrial(disk: Disk, agentDir: string): Trial | undefined {
  const path = trialPath(agentDir);
  const entry = disk.entry(path);
  if (entry === undefined) return undefined;
  if (entry.kind !== "file" || entry.bytes > MAX_FILE_BYTES)
    throw new TrialError(`${path} is no file of a trial`);
  const trial = toTrial(parse(disk.readFile(path)));
  if (trial === undefined) throw new TrialError(`${path} is damaged`);
  return trial;
}

/** Durable when it returns. Texts are cut to their limits. */
export function writeTrial(disk: Disk, agentDir: string, trial: Trial): void {
  const bounded: Trial = {
    ...trial,
    ...(trial.reason === undefined ? {} : { reason: trial.reason.slice(0, REASON_CHARS) }),
    ...(trial.log === undefined ? {} : { log: trial.log.slice(-LOG_CHARS) }),
  };
  replaceFile(disk, trialPath(agentDir), Buffer.from(JSON.stringify(bounded)));
}

/** For whoever made the trial, once its outcome is stored. */
export const removeTrial = (disk: Disk, agentDir: string): void => removeFile(disk, trialPath(agentDir));

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined; // the caller says that the file is damaged
  }
}

const STATES: readonly unknown[] = ["prepared", "trying", "confirmed", "rolled-back"];

type Fields<T> = { readonly [K in keyof T]?: unknown };

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isCount = (value: unknown, max: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === "string";

function toTrial(value: unknown): Trial | undefined {
  if (!isObject(value)) return undefined;
  const trial: Fields<Trial> = value;
  const { undo } = trial;
  const isWhole =
    isText(trial.id) && STATES.includes(trial.state) && areNumbersWell(trial) && areTextsWell(trial);
  if (!isWhole || !Array.isArray(undo) || undo.length > MAX_UNDO || !undo.every(isUndo)) return undefined;
  return value as Trial;
}

const areNumbersWell = ({ starts, maxStarts, healthTimeoutMs }: Fields<Trial>): boolean =>
  isCount(starts, MAX_STARTS_EVER) &&
  isCount(maxStarts, MAX_STARTS_EVER) &&
  isCount(healthTimeoutMs, MAX_TIMEOUT_MS);

const areTextsWell = ({ reason, log, runtimeWasHealthy }: Fields<Trial>): boolean =>
  isTextOrAbsent(reason) &&
  isTextOrAbsent(log) &&
  (runtimeWasHealthy === undefined || typeof runtimeWasHealthy === "boolean");

const UNDO_TEXTS: Readonly<Record<Undo["do"], readonly string[]>> = {
  slot: ["slot"],
  file: ["path", "backup", "sha256"],
  store: ["path", "backup", "sha256"],
};

function isUndo(value: unknown): boolean {
  if (!isObject(value)) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const kind = fields["do"];
  if (typeof kind !== "string" || !Object.hasOwn(UNDO_TEXTS, kind)) return false;
  if (kind === "store" && !isCount(fields["schema"], Number.MAX_SAFE_INTEGER)) return false;
  return UNDO_TEXTS[kind as Undo["do"]].every((name) => isText(fields[name]));
}
