// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import {
  folderBytes,
  folderFault,
  makeFolders,
  MANIFEST,
  readManifest,
  removeTree,
  runnableSlot,
  sealFolder,
  sha256,
  slotFolder,
  type Disk,
} from "../../trial/index.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import type { UpgradeParts } from "./deps.ts";
import { keep, noteOf, stagedFolder, stagingFolder } from "./note.ts";
import { ArtefactError } from "./port.ts";
import type { Upgrade } from "./spec.ts";

/** Of the agent that runs: the new one and what it is unpacked from. */
const COPIES = 2;
/** Agents are never so small that this is too much, and grow. */
const MIN_FREE_BYTES = 32 * 1024 * 1024;

/** Looks whether the upgrade can be, and fetches the agent into a folder of its own. Nothing else is changed. */
export async function checkStep(
  parts: UpgradeParts,
  context: StepContext,
  upgrade: Upgrade,
): Promise<StepOutcome> {
  if (upgrade.requireConfirmation && parts.takesConfirmation === false)
    return refused("nobody can confirm at this agent: set modules.metaManager.metaServer.enable");
  const slot = runnableSlot(parts.disk, parts.agentDir);
  if (slot === undefined) return refused(`${parts.agentDir} holds no agent to come back to`);
  if ((await sealedFault(parts.disk, stagedFolder(parts.agentDir, context.order), context)) === undefined)
    return { ok: true };
  removeTree(parts.disk, stagingFolder(parts.agentDir));
  const needed = Math.max(MIN_FREE_BYTES, COPIES * folderBytes(parts.disk, slotFolder(parts.agentDir, slot)));
  const free = parts.disk.freeBytes(parts.agentDir);
  if (free < needed)
    return refused(`${parts.agentDir} has room for ${mib(free)} MiB, the upgrade takes ${mib(needed)} MiB`);
  return fetch(parts, context, upgrade, free);
}

const refused = (reason: string): StepOutcome => ({ ok: false, reason, unchanged: true });

const mib = (bytes: number): number => Math.floor(bytes / 1024 / 1024);

/** @returns what is not as Check left it, for people */
export async function sealedFault(
  disk: Disk,
  folder: string,
  context: StepContext,
): Promise<string | undefined> {
  const { seal } = noteOf(context);
  const manifest = readManifest(disk, folder);
  if (seal === undefined || manifest === undefined) return "the agent that was fetched is gone";
  if (sealOf(disk, folder) !== seal) return `${MANIFEST} was changed`;
  return folderFault(disk, folder, manifest);
}

const sealOf = (disk: Disk, folder: string): string => sha256(disk.readFile(join(folder, MANIFEST)));

async function fetch(
  parts: UpgradeParts,
  context: StepContext,
  { image, version, gate }: Upgrade,
  freeBytes: number,
): Promise<StepOutcome> {
  const { disk, agentDir, artefacts, arch } = parts;
  const { signal } = context;
  const progress = (text: string): void => context.progress(text);
  const into = stagedFolder(agentDir, context.order);
  const maxBytes = Math.floor(freeBytes / COPIES);
  try {
    makeFolders(disk, into, 0o755);
    const { digest } = await artefacts.fetch({
      image,
      version,
      gate,
      arch,
      into,
      maxBytes,
      signal,
      progress,
    });
    await sealFolder(disk, into, { version, digest });
    await keep(context, { digest, seal: sealOf(disk, into) });
    return { ok: true };
  } catch (error) {
    removeTree(disk, stagingFolder(agentDir));
    if (signal.aborted) return { wait: "restart" };
    if (error instanceof ArtefactError) return refused(error.message);
    throw error;
  }
}
