// SPDX-License-Identifier: Apache-2.0
import { basename, join } from "node:path";
import type { Disk } from "./disk.ts";
import { makeFolders, removeTree, replaceLink } from "./durable.ts";
import { readManifest } from "./manifest.ts";

/** Two places for an agent: one runs, the other is free for the next, or holds the one of before. */
export const SLOTS = ["a", "b"] as const;
export type Slot = (typeof SLOTS)[number];

const PROGRAM = "edge-agent.js";

export const isSlot = (text: string): text is Slot => (SLOTS as readonly string[]).includes(text);
export const slotFolder = (agentDir: string, slot: Slot): string => join(agentDir, "slots", slot);
/** By the slot's own name, not by the pointer's: what is loaded late comes from the same slot. */
export const programOf = (agentDir: string, slot: Slot): string => join(slotFolder(agentDir, slot), PROGRAM);
export const otherSlot = (slot: Slot): Slot => (slot === "a" ? "b" : "a");

const pointer = (agentDir: string): string => join(agentDir, "current");

/** @returns undefined where nothing, or something else, is pointed to */
export function pointedSlot(disk: Disk, agentDir: string): Slot | undefined {
  if (disk.entry(pointer(agentDir))?.kind !== "link") return undefined;
  const slot = basename(disk.readLink(pointer(agentDir)));
  return isSlot(slot) ? slot : undefined;
}

/** Durable when it returns. */
export function pointTo(disk: Disk, agentDir: string, slot: Slot): void {
  if (pointedSlot(disk, agentDir) !== slot) replaceLink(disk, pointer(agentDir), join("slots", slot));
}

/** Has a manifest, which is written last, and the program. */
export function isRunnable(disk: Disk, folder: string): boolean {
  const program = disk.entry(join(folder, PROGRAM));
  return program?.kind === "file" && program.bytes > 0 && readManifest(disk, folder) !== undefined;
}

/** @returns the slot to start: the one that is pointed to, or else any that is whole; undefined where there is none */
export function runnableSlot(disk: Disk, agentDir: string): Slot | undefined {
  const pointed = pointedSlot(disk, agentDir);
  const order = pointed === undefined ? SLOTS : [pointed, otherSlot(pointed)];
  return order.find((slot) => isRunnable(disk, slotFolder(agentDir, slot)));
}

/** Moves a sealed folder into a slot that is not pointed to; what was there goes. Durable when it returns. */
export function fillSlot(disk: Disk, agentDir: string, slot: Slot, from: string): void {
  const slots = join(agentDir, "slots");
  const discarded = join(slots, "discarded");
  makeFolders(disk, slots);
  removeTree(disk, discarded);
  if (disk.entry(join(slots, slot))) disk.rename(join(slots, slot), discarded);
  disk.rename(from, join(slots, slot));
  disk.sync(slots);
  disk.sync(join(from, ".."));
  removeTree(disk, discarded);
}
