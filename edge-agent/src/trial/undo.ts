// SPDX-License-Identifier: Apache-2.0
import { dirname } from "node:path";
import type { Disk } from "./disk.ts";
import { removeFile, replaceFile, sha256 } from "./durable.ts";
import { isRunnable, isSlot, pointedSlot, pointTo, slotFolder } from "./slots.ts";
import type { Trial, Undo } from "./trial.ts";

/** What taking back needs beside the disk. */
export interface UndoParts {
  readonly disk: Disk;
  readonly agentDir: string;
  /** `user_version` of a SQLite file. @throws when it cannot be read */
  schemaOf(path: string): number;
}

type Place = Pick<UndoParts, "disk" | "agentDir">;

/** Why something could not be taken back. */
export class UndoError extends Error {
  override readonly name = "UndoError";
  readonly code = "UNDO_FAILED";
  readonly retryable = false;
}

/** The change was made, all of it or a part: something of it can be taken back. */
export const isMade = (parts: Place, trial: Trial): boolean =>
  trial.undo.some((undo) => undo.do !== "store" && !isUndone(parts, undo));

function isUndone({ disk, agentDir }: Place, undo: Exclude<Undo, { do: "store" }>): boolean {
  if (undo.do === "slot") return pointedSlot(disk, agentDir) === undo.slot;
  return sumOf(disk, undo.path) === undo.sha256;
}

const sumOf = (disk: Disk, path: string): string | undefined =>
  disk.entry(path)?.kind === "file" ? sha256(disk.readFile(path)) : undefined;

/**
 * Takes one thing back, or finds it taken back. Durable when it returns.
 *
 * @throws {UndoError} when the slot or the backup is not there or damaged: nothing was done; Node's errors
 */
export function performUndo(parts: UndoParts, undo: Undo): void {
  if (undo.do === "slot") undoSlot(parts, undo.slot);
  else if (undo.do === "file") undoFile(parts, undo);
  else undoStore(parts, undo);
}

function undoSlot({ disk, agentDir }: UndoParts, slot: string): void {
  if (!isSlot(slot) || !isRunnable(disk, slotFolder(agentDir, slot)))
    throw new UndoError(`slot ${slot} holds no agent to go back to`);
  pointTo(disk, agentDir, slot);
}

function undoFile(parts: UndoParts, undo: Extract<Undo, { do: "file" }>): void {
  if (isUndone(parts, undo)) return;
  const { disk } = parts;
  const bytes = backupOf(disk, undo);
  replaceFile(disk, undo.path, bytes, disk.entry(undo.path)?.mode ?? disk.entry(undo.backup)?.mode);
}

function backupOf(disk: Disk, { backup, sha256: wanted }: { backup: string; sha256: string }): Buffer {
  if (disk.entry(backup)?.kind !== "file") throw new UndoError(`backup ${backup} is not there`);
  const bytes = disk.readFile(backup);
  if (sha256(bytes) !== wanted) throw new UndoError(`backup ${backup} was changed`);
  return bytes;
}

/** A file that is no database, or a damaged one, is what no agent can read. */
function isReadable(parts: UndoParts, { path, schema }: Extract<Undo, { do: "store" }>): boolean {
  try {
    return parts.schemaOf(path) <= schema;
  } catch {
    return false;
  }
}

/**
 * The database, its journal and its index are three files. The backup is laid beside them first: while it lies there,
 * the journal of the newer agent goes, then the backup takes the database's place. A cut anywhere is gone on from.
 */
function undoStore(parts: UndoParts, undo: Extract<Undo, { do: "store" }>): void {
  const { disk } = parts;
  const ready = `${undo.path}.restore`;
  if (sumOf(disk, ready) !== undo.sha256) {
    if (disk.entry(undo.path) !== undefined && isReadable(parts, undo)) return;
    replaceFile(disk, ready, backupOf(disk, undo));
  }
  for (const side of ["-wal", "-shm"]) removeFile(disk, undo.path + side);
  disk.rename(ready, undo.path);
  disk.sync(dirname(undo.path));
}
