// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { messageOf, PodError } from "../model/index.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** What the engine needs of the kernel's mount table. */
export interface Mounter {
  /** mount points at or below a folder, deepest last */
  below(dir: string): Promise<readonly string[]>;
  tmpfs(dir: string, options: readonly string[]): Promise<void>;
  unmount(dir: string): Promise<void>;
}

const OCTAL = /\\([0-7]{3})/g;

/** Mount points of a mountinfo text, in mount order. */
export function mountPoints(mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter(Boolean)
    .map((path) => path.replace(OCTAL, (_, code: string) => String.fromCharCode(parseInt(code, 8))));
}

async function host(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, [...args], { timeout: TIMEOUT_MS });
  } catch (cause) {
    throw new PodError("HOST", `${command} failed: ${messageOf(cause).slice(0, 300)}`, { cause });
  }
}

/** Mounts through the system's own mount and umount programs. */
export const systemMounter: Mounter = {
  below: async (dir) => {
    const all = mountPoints(await readFile("/proc/self/mountinfo", "utf8"));
    return all.filter((path) => path === dir || path.startsWith(`${dir}/`));
  },
  tmpfs: (dir, options) =>
    host("mount", ["-t", "tmpfs", "-o", ["nosuid", "nodev", ...options].join(","), "tmpfs", dir]),
  unmount: (dir) => host("umount", [dir]),
};

/**
 * Unmounts all below a folder, then deletes it. Deletes nothing while something is still mounted
 * there: that would empty what is mounted.
 *
 * @throws {PodError} HOST
 */
export async function unmountAndRemove(dir: string, mounter: Mounter): Promise<void> {
  if (!existsSync(dir)) return;
  for (const path of [...(await mounter.below(dir))].reverse()) await mounter.unmount(path);
  const left = await mounter.below(dir);
  if (left.length > 0) throw new PodError("HOST", `${left.length} mounts are still in use below ${dir}`);
  await rm(dir, { recursive: true, force: true });
}
