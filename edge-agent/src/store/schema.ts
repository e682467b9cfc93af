// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "./port.ts";

/** "LNGS": tells our file from KubeEdge's edgecore.db and from anything else. */
const APPLICATION_ID = 0x4c4e4753;
const SENTINEL = "longshore edge store";

/** Step n brings a file from version n to n+1. Steps are only ever appended. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE sentinel (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL) STRICT;
   INSERT INTO sentinel VALUES (1, '${SENTINEL}');
   CREATE TABLE objects (
     key TEXT PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
     rv TEXT NOT NULL, digest TEXT NOT NULL, epoch TEXT NOT NULL, value TEXT NOT NULL, sum TEXT NOT NULL
   ) STRICT;
   CREATE TABLE records (
     bucket TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, sum TEXT NOT NULL, PRIMARY KEY (bucket, key)
   ) STRICT;
   CREATE TABLE damaged (
     id INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, at TEXT NOT NULL
   ) STRICT;`,
];

/** The version that this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

function pragmaNumber(db: DatabaseSync, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name] ?? 0);
}

/** @throws {StoreError} NEWER_SCHEMA when a newer program wrote this file; the file is left as it is */
export function refuseNewer(db: DatabaseSync): void {
  const version = pragmaNumber(db, "user_version");
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      "NEWER_SCHEMA",
      `the store has schema ${version}, this agent knows up to ${SCHEMA_VERSION}`,
    );
  }
}

/** Brings an empty or older file to SCHEMA_VERSION, each step in a transaction of its own. */
export function migrate(db: DatabaseSync): void {
  for (let version = pragmaNumber(db, "user_version"); version < SCHEMA_VERSION; version++) {
    db.exec("BEGIN IMMEDIATE");
    db.exec(MIGRATIONS[version] ?? "");
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}; COMMIT`);
  }
}

/** @throws {StoreError} CORRUPT when SQLite or the sentinel says that the file is damaged */
export function checkIntegrity(db: DatabaseSync): void {
  const first = db.prepare("PRAGMA quick_check(1)").get();
  if (first?.["quick_check"] !== "ok") throw new StoreError("CORRUPT", "quick_check found damage");
  if (pragmaNumber(db, "user_version") === 0) return;
  const sentinel = db.prepare("SELECT text FROM sentinel WHERE id = 1").get();
  if (sentinel?.["text"] !== SENTINEL) throw new StoreError("CORRUPT", "the sentinel row is gone");
}
