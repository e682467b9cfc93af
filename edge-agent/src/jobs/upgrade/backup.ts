// SPDX-License-Identifier: Apache-2.0
import { basename, join } from "node:path";
import {
  makeFolders,
  MANIFEST,
  pointedSlot,
  readManifest,
  removeTree,
  replaceFile,
  sha256,
  slotFolder,
  UNKNOWN_VERSION,
  type Disk,
  type Manifest,
} from "../../trial/index.ts";
import type { StepContext } from "../port.ts";
import type { UpgradeParts } from "./deps.ts";
import { keep } from "./note.ts";

const STORE = "agent.db";

/** Puts the configuration, the store and the manifest of the agent that runs into `<backupDir>/<its version>`. */
export async function backUpStep(parts: UpgradeParts, context: StepContext): Promise<void> {
  const { disk, backupDir, configFile } = parts;
  const manifest = manifestInUse(parts);
  const folder = join(backupDir, manifest.version);
  makeFolders(disk, folder);
  if (disk.entry(configFile))
    replaceFile(disk, join(folder, basename(configFile)), disk.readFile(configFile));
  const file = join(folder, STORE);
  await backUpStore(parts, file);
  replaceFile(disk, join(folder, MANIFEST), Buffer.from(JSON.stringify(manifest)));
  await keep(context, { from: manifest.version, backup: { file, sha256: sha256(disk.readFile(file)) } });
  prune(parts, manifest.version);
}

/** What the slot in use says of itself. Where it does not say a version, it is that of the agent that runs. */
export function manifestInUse({ disk, agentDir, version }: UpgradeParts): Manifest {
  const slot = pointedSlot(disk, agentDir);
  const manifest = slot === undefined ? undefined : readManifest(disk, slotFolder(agentDir, slot));
  if (manifest === undefined) return { version, digest: "" };
  return manifest.version === UNKNOWN_VERSION ? { ...manifest, version } : manifest;
}

async function backUpStore({ disk, store }: UpgradeParts, file: string): Promise<void> {
  const next = `${file}.next`;
  removeTree(disk, next);
  try {
    await store.backup(next);
  } catch (error) {
    removeTree(disk, next); // where the disk is full
    throw error;
  }
  disk.sync(next);
  disk.rename(next, file);
  disk.sync(join(file, ".."));
}

/** Removes the oldest of the backups beyond the limit. Only folders that such a backup made. */
function prune({ disk, backupDir, options, log }: UpgradeParts, newest: string): void {
  const others = disk
    .list(backupDir)
    .filter((name) => name !== newest && isBackup(disk, join(backupDir, name)));
  const byAge = others.sort((a, b) => ageKey(disk, backupDir, a) - ageKey(disk, backupDir, b));
  for (const name of byAge.slice(0, Math.max(0, byAge.length - options.keptBackups))) {
    removeTree(disk, join(backupDir, name));
    log.info({ version: name }, "old backup of the agent removed");
  }
}

const isBackup = (disk: Disk, folder: string): boolean =>
  disk.entry(folder)?.kind === "folder" &&
  [STORE, MANIFEST].every((name) => disk.entry(join(folder, name))?.kind === "file");

const ageKey = (disk: Disk, backupDir: string, name: string): number =>
  disk.entry(join(backupDir, name, MANIFEST))?.changedMs ?? 0;
