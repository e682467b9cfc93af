// SPDX-License-Identifier: Apache-2.0
import { basename, join } from "node:path";
import { makeFolders, sha256 } from "../../trial/index.ts";
import { readState, writeState, type ConfigDisk, type FileState } from "./disk.ts";

/** Where the bytes of before are, and what they are known by. */
export interface Backup {
  readonly path: string;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The reader's own limit. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
const FOLDER_MODE = 0o700;
const NAME_CHARS = 16;
/** Also one that was cut while it was written. */
const BACKUP = /^[0-9a-f]{16}(?:\.next)?$/;

/**
 * Keeps the exact bytes of a file, under a name made of them: the same file twice is one backup. Durable when it
 * returns; of older backups of that file the newest `keep` stay.
 */
export function backUp(
  disk: ConfigDisk,
  { file, folder, keep }: { readonly file: string; readonly folder: string; readonly keep: number },
): Backup {
  const state = readState(disk, file, MAX_CONFIG_BYTES);
  const sum = sha256(state.bytes);
  const name = `${basename(file)}.${sum.slice(0, NAME_CHARS)}`;
  const path = join(folder, name);
  makeFolders(disk, folder, FOLDER_MODE);
  writeState(disk, path, state);
  prune(disk, { folder, file: basename(file), current: name, keep });
  return { path, sha256: sum, mode: state.mode, ...state.owner };
}

function prune(
  disk: ConfigDisk,
  { folder, file, current, keep }: { folder: string; file: string; current: string; keep: number },
): void {
  const isBackup = (name: string): boolean =>
    name.startsWith(`${file}.`) && BACKUP.test(name.slice(file.length + 1)) && name !== current;
  const old = disk
    .list(folder)
    .filter(isBackup)
    .map((name) => ({ path: join(folder, name), ms: disk.modifiedMs(join(folder, name)) }))
    .sort((a, b) => b.ms - a.ms);
  for (const { path } of old.slice(Math.max(0, keep - 1))) disk.removeFile(path);
}

/** @throws {Error} when the backup is not there or was changed */
export function readBackup(disk: ConfigDisk, backup: Backup): FileState {
  const { bytes } = readState(disk, backup.path, MAX_CONFIG_BYTES);
  if (sha256(bytes) !== backup.sha256) throw new Error(`backup ${backup.path} was changed`);
  return { bytes, mode: backup.mode, owner: { uid: backup.uid, gid: backup.gid } };
}

/** Is the file what was backed up, byte for byte and readable by the same? */
export function isAsBackedUp(state: FileState, backup: Backup): boolean {
  const { mode, owner } = state;
  return (
    isSameBytes(state, backup) && mode === backup.mode && owner.uid === backup.uid && owner.gid === backup.gid
  );
}

export const isSameBytes = ({ bytes }: FileState, backup: Backup): boolean => sha256(bytes) === backup.sha256;
