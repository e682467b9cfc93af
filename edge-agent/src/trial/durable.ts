// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { Disk } from "./disk.ts";

/** Lower-case hex. */
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Replaces a file as a whole: after a power cut it is the old one or the new one. */
export function replaceFile(disk: Disk, path: string, bytes: Uint8Array, mode = 0o600): void {
  const next = `${path}.next`;
  disk.writeFile(next, bytes, mode);
  disk.sync(next);
  disk.rename(next, path);
  disk.sync(dirname(path));
}

/** Points a link elsewhere: after a power cut it leads to the old place or to the new one. */
export function replaceLink(disk: Disk, path: string, target: string): void {
  const next = `${path}.next`;
  if (disk.entry(next)) disk.removeFile(next);
  disk.symlink(target, next);
  disk.rename(next, path);
  disk.sync(dirname(path));
}

/** Removes a file for good; not there is well. */
export function removeFile(disk: Disk, path: string): void {
  if (disk.entry(path) === undefined) return;
  disk.removeFile(path);
  disk.sync(dirname(path));
}

/** Makes the folder and those above it that are missing, for good. */
export function makeFolders(disk: Disk, path: string, mode = 0o700): void {
  if (disk.entry(path)) return;
  makeFolders(disk, dirname(path), mode);
  disk.makeFolder(path, mode);
  disk.sync(dirname(path));
}

/** Removes a folder with all in it, or a file; links are not followed. Not durable, and may be cut: the rest stays. */
export function removeTree(disk: Disk, path: string): void {
  const entry = disk.entry(path);
  if (entry === undefined) return;
  if (entry.kind === "folder") {
    for (const name of disk.list(path)) removeTree(disk, join(path, name));
    disk.removeFolder(path);
  } else disk.removeFile(path);
}
