// SPDX-License-Identifier: Apache-2.0
import { chmodSync, closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { asStoreError } from "./failures.ts";
import type { StoredObject } from "./port.ts";
import { objectColumns, readObject, readRecord, recordColumns } from "./rows.ts";
import { checkIntegrity, migrate, refuseNewer } from "./schema.ts";

/** What was in the file. */
export interface LoadedRows {
  readonly objects: StoredObject[];
  readonly records: { bucket: string; key: string; value: unknown }[];
  /** Rows whose checksum did not match; they were moved to the table `damaged`. */
  readonly damaged: { source: "objects" | "records"; key: string }[];
}

/** The SQL of the store; no rules in here. Every method is synchronous. */
export interface Database {
  load(): LoadedRows;
  putObject(object: StoredObject): void;
  deleteObject(key: string): void;
  putRecord(bucket: string, key: string, value: unknown): void;
  deleteRecord(bucket: string, key: string): void;
  /** Runs `work` in one transaction: all of it is durable when this returns, none of it when it throws. */
  transaction(work: () => void): void;
  /** Writes a whole copy, 0600, to a file that does not exist. */
  copyTo(path: string): void;
  close(): void;
}

const PRAGMAS = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
  PRAGMA cell_size_check = ON; PRAGMA busy_timeout = 2000; PRAGMA cache_size = -1024;
  PRAGMA journal_size_limit = 16777216;`;
const PAGE_BYTES = 4096;
const DAMAGED_ROWS_KEPT = 100;

/**
 * Opens the file, made 0600 where it is new, checks it and brings it to the current schema.
 *
 * @throws {StoreError} NEWER_SCHEMA (file untouched), CORRUPT (the caller sets it aside), FULL, IO
 */
export function openDatabase(path: string, maxFileBytes: number): Database {
  let db: DatabaseSync | undefined;
  try {
    if (existsSync(path)) inspect(path);
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    db = new DatabaseSync(path);
    db.exec(`${PRAGMAS} PRAGMA max_page_count = ${Math.ceil(maxFileBytes / PAGE_BYTES)};`);
    migrate(db);
    return wrap(db);
  } catch (error) {
    db?.close();
    throw asStoreError(error, "cannot open the store");
  }
}

/** Looks at an existing file without writing to it. */
function inspect(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    refuseNewer(db);
    checkIntegrity(db);
  } finally {
    db.close();
  }
}

function wrap(db: DatabaseSync): Database {
  const putObject = db.prepare("INSERT OR REPLACE INTO objects VALUES (?,?,?,?,?,?,?,?,?,?)");
  const deleteObject = db.prepare("DELETE FROM objects WHERE key = ?");
  const putRecord = db.prepare("INSERT OR REPLACE INTO records VALUES (?,?,?,?)");
  const deleteRecord = db.prepare("DELETE FROM records WHERE bucket = ? AND key = ?");
  const transaction = (work: () => void): void => {
    db.exec("BEGIN IMMEDIATE");
    try {
      work();
      db.exec("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };
  return {
    load: () => load(db, transaction),
    putObject: (object) => void putObject.run(...objectColumns(object)),
    deleteObject: (key) => void deleteObject.run(key),
    putRecord: (bucket, key, value) => void putRecord.run(...recordColumns(bucket, key, value)),
    deleteRecord: (bucket, key) => void deleteRecord.run(bucket, key),
    transaction,
    copyTo: (path) => {
      closeSync(openSync(path, "ax", 0o600)); // SQLite takes an empty file, and would make one that others can read
      db.prepare("VACUUM INTO ?").run(path);
    },
    close: () => db.close(),
  };
}

function load(db: DatabaseSync, transaction: (work: () => void) => void): LoadedRows {
  const rows: LoadedRows = { objects: [], records: [], damaged: [] };
  const bad: { table: "objects" | "records"; rowid: number; key: string }[] = [];
  for (const row of db.prepare("SELECT rowid AS id, * FROM objects").iterate()) {
    const object = readObject(row);
    if (object) rows.objects.push(object);
    else bad.push({ table: "objects", rowid: Number(row["id"]), key: String(row["key"]) });
  }
  for (const row of db.prepare("SELECT rowid AS id, * FROM records").iterate()) {
    const record = readRecord(row);
    if (record) rows.records.push(record);
    else bad.push({ table: "records", rowid: Number(row["id"]), key: String(row["key"]) });
  }
  if (bad.length > 0) transaction(() => bad.forEach((row) => setAside(db, row.table, row.rowid)));
  rows.damaged.push(...bad.map(({ table, key }) => ({ source: table, key })));
  return rows;
}

function setAside(db: DatabaseSync, table: "objects" | "records", rowid: number): void {
  db.prepare(
    `INSERT INTO damaged (source, key, value, at)
     SELECT '${table}', key, value, datetime('now') FROM ${table} WHERE rowid = ?`,
  ).run(rowid);
  db.prepare(`DELETE FROM ${table} WHERE rowid = ?`).run(rowid);
  db.prepare("DELETE FROM damaged WHERE id <= (SELECT max(id) FROM damaged) - ?").run(DAMAGED_ROWS_KEPT);
}
