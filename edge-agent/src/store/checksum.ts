// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";

/**
 * SHA-256 over the fields of a row, each with its length before it, so that no two rows share an encoding.
 * It finds bits that changed under SQLite's feet; it is no defence against someone who can recompute it.
 */
export function rowChecksum(fields: readonly string[]): string {
  return hash("sha256", fields.map((field) => `${field.length}:${field}`).join(""), "hex");
}
