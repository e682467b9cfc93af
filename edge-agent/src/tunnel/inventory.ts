// SPDX-License-Identifier: Apache-2.0
import type { InventoryItem, InventoryPart } from "@longshore/crds/wire";

/** Limits of one `inventory` frame. */
export interface PartLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** Small enough for one frame of a hub. */
export const PART_LIMITS: PartLimits = { maxItems: 1000, maxBytes: 256 * 1024 };

/** Room for header, route and the fields around `items`. */
const ENVELOPE_BYTES = 1024;

/** Cuts an inventory into parts that keep the limits; at least one part, the last marked `last`. */
export function inventoryParts(
  items: readonly InventoryItem[],
  limits: PartLimits = PART_LIMITS,
): InventoryPart[] {
  const groups: InventoryItem[][] = [[]];
  let bytes = ENVELOPE_BYTES;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    const full = groups.at(-1)?.length === limits.maxItems || bytes + size > limits.maxBytes;
    if (full && groups.at(-1)?.length !== 0) {
      groups.push([]);
      bytes = ENVELOPE_BYTES;
    }
    groups.at(-1)?.push(item);
    bytes += size;
  }
  return groups.map((group, part) => ({ part, last: part === groups.length - 1, items: group }));
}
