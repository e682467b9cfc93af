// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import {
  fillSlot,
  makeFolders,
  pointedSlot,
  pointTo,
  readManifest,
  removeTree,
  runnableSlot,
  sealFolder,
  UNKNOWN_VERSION,
  type Disk,
} from "../trial/index.ts";
import type { LauncherLog } from "./log.ts";

const PROGRAM = "edge-agent.js";
const PARTS = "edge-agent.parts";

/**
 * Puts the agent of an installation into the first slot, where no slot holds one. Its version is that of the folder's
 * manifest.json. A cut anywhere leaves nothing that is started, and the next start does it again.
 */
export async function seedSlot(disk: Disk, agentDir: string, from: string, log: LauncherLog): Promise<void> {
  if (runnableSlot(disk, agentDir) !== undefined) return;
  const staged = join(agentDir, "staging", "seed");
  removeTree(disk, staged);
  makeFolders(disk, agentDir);
  makeFolders(disk, staged, 0o755);
  copyTree(disk, join(from, PROGRAM), join(staged, PROGRAM));
  if (disk.entry(join(from, PARTS))) copyTree(disk, join(from, PARTS), join(staged, PARTS));
  const { version, digest } = readManifest(disk, from) ?? { version: UNKNOWN_VERSION, digest: "" };
  await sealFolder(disk, staged, { version, digest });
  const slot = pointedSlot(disk, agentDir) ?? "a";
  fillSlot(disk, agentDir, slot, staged);
  pointTo(disk, agentDir, slot);
  log("info", `agent ${version} of ${from} is in slot ${slot}`);
}

function copyTree(disk: Disk, from: string, to: string): void {
  if (disk.entry(from)?.kind !== "folder") {
    disk.writeFile(to, disk.readFile(from), 0o644);
    return;
  }
  disk.makeFolder(to, 0o755);
  for (const name of disk.list(from).filter((each) => !each.endsWith(".map")))
    copyTree(disk, join(from, name), join(to, name));
}
