// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { asStoreError } from "./failures.ts";
import { StoreError } from "./port.ts";

/**
 * Holds a data directory for this process alone. Node has no flock, SQLite has: an exclusive transaction on a file of
 * its own, which the kernel ends with the process, however it ends.
 *
 * @returns the release function
 * @throws {StoreError} LOCKED when another agent has it, IO when the directory cannot be written
 */
export function lockDirectory(path: string): () => void {
  try {
    closeSync(openSync(path, "a", 0o600));
    const db = new DatabaseSync(path, { timeout: 0 });
    try {
      db.exec("PRAGMA cache_size = -16; BEGIN EXCLUSIVE");
    } catch (error) {
      db.close();
      throw error;
    }
    return () => db.close();
  } catch (error) {
    const known = asStoreError(error, "cannot lock the data directory");
    if (known.code !== "LOCKED") throw known;
    throw new StoreError("LOCKED", "another agent uses this data directory", { cause: error });
  }
}
