// SPDX-License-Identifier: Apache-2.0
import { chownSync, lstatSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemDisk, type Disk } from "../../trial/index.ts";

/** User and group of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What changing a file that others wrote needs beside the steps of a change. */
export interface ConfigDisk extends Disk {
  /** Where a path leads, links followed. */
  realPath(path: string): string;
  owner(path: string): Owner;
  chown(path: string, owner: Owner): void;
  modifiedMs(path: string): number;
}

/** The machine's own. Errors are Node's. */
export const systemConfigDisk: ConfigDisk = {
  ...systemDisk,
  realPath: (path) => realpathSync(path),
  owner: (path) => {
    const { uid, gid } = statSync(path);
    return { uid, gid };
  },
  chown: (path, { uid, gid }) => chownSync(path, uid, gid),
  modifiedMs: (path) => lstatSync(path).mtimeMs,
};

/** A file as it was: who may read it is a part of it. */
export interface FileState {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly owner: Owner;
}

/** @throws {Error} Node's, or when it is no file or too large */
export function readState(disk: ConfigDisk, path: string, maxBytes: number): FileState {
  const entry = disk.entry(path);
  if (entry?.kind !== "file") throw new Error(`${path} is not a file`);
  if (entry.bytes > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
  return { bytes: disk.readFile(path), mode: entry.mode, owner: disk.owner(path) };
}

/**
 * Replaces a file as a whole, durably: after a power cut it is the old one or the new one, readable by the same.
 *
 * @throws Node's errors; nothing stays beside the file then
 */
export function writeState(disk: ConfigDisk, path: string, state: FileState): void {
  const next = `${path}.next`;
  try {
    removeIfThere(disk, next);
    writeBeside(disk, next, state);
    disk.rename(next, path);
  } catch (error) {
    removeIfThere(disk, next);
    throw error;
  }
  disk.sync(dirname(path));
}

function writeBeside(disk: ConfigDisk, next: string, { bytes, mode, owner }: FileState): void {
  disk.writeFile(next, bytes, mode);
  disk.chown(next, owner);
  disk.sync(next);
}

function removeIfThere(disk: ConfigDisk, path: string): void {
  if (disk.entry(path)) disk.removeFile(path);
}
