// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const SIDE_FILES = ["", "-wal", "-shm"] as const;
const MARK = ".damaged-";

/** Moves a damaged database aside, with its side files, and keeps the newest `keep` of those set aside before. */
export function quarantineFile(path: string, stamp: string, keep = 2): void {
  for (const side of SIDE_FILES) {
    if (existsSync(path + side)) renameSync(path + side, `${path}${MARK}${stamp}${side}`);
  }
  const directory = dirname(path);
  const prefix = basename(path) + MARK;
  const stamps = readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).replace(/-(wal|shm)$/, ""));
  const old = [...new Set(stamps)].sort().slice(0, -keep);
  for (const name of old) {
    for (const side of SIDE_FILES) rmSync(join(directory, prefix + name + side), { force: true });
  }
}
