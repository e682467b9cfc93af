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
  type Disk,
  type Manifest,
} from "../../trial/index.ts";
import type { StepContext } from "../port.ts";
import type { UpgradeParts } from "./deps.ts";
import { keep } from "./note.ts";

const STORE = "agent.db";

/** Puts the configuration, the store and the manifest of the agent that runs into `<backupDir>/<its version>`. */
export async function backUpStep(parts: UpgradeParts, context: StepContext): Promise<void> {
  const { disk, agentDir, backupDir, configFile } = parts;
  const manifest = manifestInUse(disk, agentDir);
  const folder = join(backupDir, manifest.version);
  makeFolders(disk, folder);
  if (disk.entry(configFile))
    replaceFile(disk, join(folder, basename(configFile)), disk.readFile(configFile));
  const file = join(folder, STORE);
  await backUpStore(parts, file);
  replaceFile(disk, join(folder, MANIFEST), Buffer.from(JSON.stringify(manifest)));
  await keep(context, { backup: { file, sha256: sha256(disk.readFile(file)) } });
  prune(parts, manifest.version);
}

/** What runs says of itself; where it says nothing, it has no version that anybody knows. */
export function manifestInUse(disk: Disk, agentDir: string): Manifest {
  const slot = pointedSlot(disk, agentDir);
  const manifest = slot === undefined ? undefined : readManifest(disk, slotFolder(agentDir, slot));
  return manifest ?? { version: "unknown", digest: "" };
}

async function backUpStore({ disk, store }: UpgradeParts, file: string): Promise<void> {
  const next = `${file}.next`;
  removeTree(disk, next);
  await store.backup(next);
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
