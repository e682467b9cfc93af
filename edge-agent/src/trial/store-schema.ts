// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";

/** `user_version` of a SQLite file that no process has open. SQLite is loaded when it is asked, not before. */
export function schemaOfFile(path: string): number {
  const { DatabaseSync } = createRequire(import.meta.url)("node:sqlite") as typeof import("node:sqlite");
  const db = new DatabaseSync(path);
  try {
    return Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  } finally {
    db.close();
  }
}
