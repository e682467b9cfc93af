// SPDX-License-Identifier: Apache-2.0
export { systemDisk, type Disk, type Entry } from "./disk.ts";
export { makeFolders, removeTree, replaceFile, sha256 } from "./durable.ts";
export { LOG_CHARS, readTrial, removeTrial, TrialError, trialPath, writeTrial } from "./file.ts";
export { startHealthGate } from "./gate.ts";
export {
  folderBytes,
  folderFault,
  MANIFEST,
  readManifest,
  sealFolder,
  UNKNOWN_VERSION,
  type Manifest,
} from "./manifest.ts";
export {
  fillSlot,
  isRunnable,
  otherSlot,
  pointedSlot,
  pointTo,
  programOf,
  runnableSlot,
  slotFolder,
  type Slot,
} from "./slots.ts";
export { schemaOfFile } from "./store-schema.ts";
export { HEALTH_TIMEOUT_MS, isPending, MAX_STARTS, type Trial, type Undo } from "./trial.ts";
export { isMade, performUndo, UndoError, type UndoParts } from "./undo.ts";
