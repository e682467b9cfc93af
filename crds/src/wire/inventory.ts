// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

/**
 * Digest of what one node holds, over key, uid and resourceVersion of every item. The order of the items does
 * not matter; hub and edge compute the same text from the same set.
 *
 * @returns sha256 in hex, 64 characters
 */
export function inventoryDigest(
  items: Iterable<readonly [key: string, uid: string, resourceVersion: string, ...rest: unknown[]]>,
): string {
  const lines: string[] = [];
  for (const [key, uid, resourceVersion] of items) lines.push(`${key}\0${uid}\0${resourceVersion}\n`);
  const hash = createHash("sha256");
  for (const line of lines.sort()) hash.update(line);
  return hash.digest("hex");
}
