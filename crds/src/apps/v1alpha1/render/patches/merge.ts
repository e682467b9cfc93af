// SPDX-License-Identifier: Apache-2.0
import { drop, isFields, own, type Fields } from "../json.ts";

/** A JSON merge patch (RFC 7386): null removes, objects merge, all else replaces. */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged: Fields = isFields(value) ? { ...value } : {};
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) drop(merged, key);
    else merged[key] = mergePatch(own(merged, key), change);
  }
  return merged;
}
