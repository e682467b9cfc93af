// SPDX-License-Identifier: Apache-2.0
import {
  isResourceVersion,
  parseKey,
  type Hello,
  type InventoryItem,
  type InventoryPart,
} from "@longshore/crds/wire";
import type { InventoryEntry } from "../../delivery/mailbox.ts";

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isText = (value: unknown, max: number): value is string =>
  typeof value === "string" && value.length <= max;

/** @returns the hello, or undefined when it is malformed */
export function readHello(content: unknown): Hello | undefined {
  if (typeof content !== "object" || content === null) return undefined;
  const hello = content as Partial<Hello>;
  const counts = [
    hello.sessionEpoch,
    hello.clusterEpoch,
    hello.inventoryCount,
    hello.streams ?? 0,
    hello.deviceBatch ?? 0,
  ];
  const countsOk = counts.every(isCount);
  const textsOk =
    isText(hello.inventoryDigest, 256) && [hello.agentVersion, hello.machineId, hello.bootId].every(isFact);
  return countsOk && textsOk ? (hello as Hello) : undefined;
}

const isFact = (value: unknown): boolean => value === undefined || isText(value, 256);

export type PartResult = "more" | "done" | "malformed" | "too-large";

/** Puts the parts of one inventory together. */
export class InventoryCollector {
  readonly entries: InventoryEntry[] = [];
  readonly #max: number;
  #next = 0;
  #done = false;
  /** Items that were left out, for their version or shape; the objects are sent again. */
  skipped = 0;

  /** @param max references in all parts together (B76) */
  constructor(max: number) {
    this.#max = max;
  }

  add(content: unknown): PartResult {
    const part = content as Partial<InventoryPart> | null;
    if (this.#done || part === null || typeof part !== "object") return "malformed";
    if (part.part !== this.#next || typeof part.last !== "boolean" || !Array.isArray(part.items))
      return "malformed";
    if (this.entries.length + this.skipped + part.items.length > this.#max) return "too-large";
    this.#next += 1;
    for (const item of part.items as unknown[]) this.#addItem(item);
    this.#done = part.last;
    return part.last ? "done" : "more";
  }

  #addItem(item: unknown): void {
    if (!isItem(item)) {
      this.skipped += 1;
      return;
    }
    const [key, uid, resourceVersion, digest] = item;
    this.entries.push({ key, uid, resourceVersion, digest });
  }
}

function isItem(item: unknown): item is InventoryItem {
  if (!Array.isArray(item) || item.length < 4) return false;
  const [key, uid, resourceVersion, digest] = item as unknown[];
  return isKey(key) && isText(uid, 64) && isText(digest, 64) && isResourceVersion(resourceVersion);
}

function isKey(key: unknown): key is string {
  if (!isText(key, 1024)) return false;
  try {
    parseKey(key);
    return true;
  } catch {
    return false; // counted by the caller
  }
}
