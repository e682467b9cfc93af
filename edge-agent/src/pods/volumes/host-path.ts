// SPDX-License-Identifier: Apache-2.0
import { mkdir, stat, writeFile } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { PodError } from "../model/index.ts";

const CHECKS: Readonly<Record<string, { is: (s: Stats) => boolean; what: string }>> = {
  Directory: { is: (s) => s.isDirectory(), what: "a directory" },
  DirectoryOrCreate: { is: (s) => s.isDirectory(), what: "a directory" },
  File: { is: (s) => s.isFile(), what: "a file" },
  FileOrCreate: { is: (s) => s.isFile(), what: "a file" },
  Socket: { is: (s) => s.isSocket(), what: "a socket" },
  CharDevice: { is: (s) => s.isCharacterDevice(), what: "a character device" },
  BlockDevice: { is: (s) => s.isBlockDevice(), what: "a block device" },
};

/** Makes or checks a path of the node as its type asks. @throws {PodError} HOST, INVALID */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  if (type === "") return;
  const check = CHECKS[type];
  if (!check) throw new PodError("INVALID", `unknown hostPath type ${type.slice(0, 40)}`);
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") await touch(path);
  const info = await stat(path).catch(() => undefined);
  if (!info || !check.is(info))
    throw new PodError("HOST", `hostPath type check failed: ${path} is not ${check.what}`);
}

async function touch(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, "", { flag: "a", mode: 0o644 });
}
