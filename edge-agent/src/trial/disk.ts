// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";

/** What something on the disk is. */
export interface Entry {
  readonly kind: "file" | "folder" | "link" | "other";
  readonly bytes: number;
  readonly mode: number;
  /** Since the epoch. */
  readonly changedMs: number;
}

/**
 * The steps that a change of the agent is made of, each one call of the system, so that a test can cut the power
 * between any two. Nothing is durable before its `sync`. Synchronous: the launcher has nothing else to do.
 */
export interface Disk {
  /** Undefined: there is nothing of that name. */
  entry(path: string): Entry | undefined;
  readFile(path: string): Buffer;
  readLink(path: string): string;
  list(folder: string): readonly string[];
  freeBytes(folder: string): number;
  /** Makes the file or writes it anew. */
  writeFile(path: string, bytes: Uint8Array, mode: number): void;
  symlink(target: string, path: string): void;
  rename(from: string, to: string): void;
  makeFolder(path: string, mode: number): void;
  /** A file or a link. */
  removeFile(path: string): void;
  /** An empty folder. */
  removeFolder(path: string): void;
  /** Of a file or of a folder's entries. */
  sync(path: string): void;
}

const PERMISSIONS = 0o7777;

/** The machine's own. Errors are Node's. */
export const systemDisk: Disk = {
  entry: (path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return { kind: kindOf(stat), bytes: stat.size, mode: stat.mode & PERMISSIONS, changedMs: stat.mtimeMs };
  },
  readFile: (path) => readFileSync(path),
  readLink: (path) => readlinkSync(path),
  list: (folder) => readdirSync(folder),
  freeBytes: (folder) => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  },
  writeFile,
  symlink: (target, path) => symlinkSync(target, path),
  rename: (from, to) => renameSync(from, to),
  makeFolder: (path, mode) => {
    mkdirSync(path, { mode });
    chmodSync(path, mode);
  },
  removeFile: (path) => unlinkSync(path),
  removeFolder: (path) => rmdirSync(path),
  sync: (path) => withOpen(path, "r", (file) => fsyncSync(file)),
};

function kindOf(stat: {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}): Entry["kind"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "folder";
  return stat.isSymbolicLink() ? "link" : "other";
}

function writeFile(path: string, bytes: Uint8Array, mode: number): void {
  withOpen(path, "w", (file) => {
    fchmodSync(file, mode);
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
  });
}

function withOpen(path: string, flags: "r" | "w", use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
