// SPDX-License-Identifier: Apache-2.0
import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Gap, OutboxRow } from "./outbox-port.ts";
import { StoreError } from "./port.ts";

/** "LNGO" */
const APPLICATION_ID = 0x4c4e474f;
const VERSION = 1;
const SCHEMA = `
  CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
    topic TEXT NOT NULL, payload TEXT NOT NULL
  ) STRICT;
  CREATE TABLE gap (
    id INTEGER PRIMARY KEY CHECK (id = 1), dropped INTEGER NOT NULL, bytes INTEGER NOT NULL,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION};`;
const PRAGMAS = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
  PRAGMA busy_timeout = 2000; PRAGMA cache_size = -512; PRAGMA journal_size_limit = 4194304;`;
const PAGE_BYTES = 4096;
/** The file may be this much larger than the quota: pages are not full. */
const FILE_FACTOR = 2;
const BASE_PAGES = 256;

/** How much waits. */
export interface Totals {
  readonly count: number;
  readonly bytes: number;
}

/** The SQL of the outbox; every method is synchronous. */
export class OutboxTable {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  totals(): Totals {
    const row = this.#db.prepare("SELECT count(*) AS count, total(bytes) AS bytes FROM uploads").get();
    return { count: Number(row?.["count"]), bytes: Number(row?.["bytes"]) };
  }

  /** The last id that was ever given. */
  lastId(): number {
    const row = this.#db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'uploads'").get();
    return Number(row?.["seq"] ?? 0);
  }

  /** Sets the times of all rows from this one on. */
  shift(firstId: number, stepMs: number): void {
    this.#db.prepare("UPDATE uploads SET at = at + ? WHERE id >= ?").run(stepMs, firstId);
  }

  put(topic: string, payload: string, atMs: number, bytes: number): void {
    this.#db
      .prepare("INSERT INTO uploads (at, bytes, topic, payload) VALUES (?,?,?,?)")
      .run(atMs, bytes, topic, payload);
  }

  delete(id: number): number {
    const row = this.#db.prepare("DELETE FROM uploads WHERE id = ? RETURNING bytes").get(id);
    return Number(row?.["bytes"] ?? 0);
  }

  /** The oldest rows first. */
  *oldest(): Generator<{ id: number; atMs: number; bytes: number }> {
    for (const row of this.#db.prepare("SELECT id, at, bytes FROM uploads ORDER BY id").iterate())
      yield { id: Number(row["id"]), atMs: Number(row["at"]), bytes: Number(row["bytes"]) };
  }

  *after(id: number): Generator<OutboxRow> {
    const rows = this.#db.prepare("SELECT id, at, topic, payload FROM uploads WHERE id > ? ORDER BY id");
    for (const row of rows.iterate(id))
      yield {
        id: Number(row["id"]),
        atMs: Number(row["at"]),
        topic: String(row["topic"]),
        payload: String(row["payload"]),
      };
  }

  gap(): Gap | undefined {
    const row = this.#db.prepare("SELECT dropped, bytes, from_ms, to_ms FROM gap").get();
    if (row === undefined) return undefined;
    const [dropped, bytes] = [Number(row["dropped"]), Number(row["bytes"])];
    return { dropped, bytes, fromMs: Number(row["from_ms"]), toMs: Number(row["to_ms"]) };
  }

  setGap(gap: Gap | undefined): void {
    this.#db.exec("DELETE FROM gap");
    if (gap === undefined) return;
    const { dropped, bytes, fromMs, toMs } = gap;
    this.#db.prepare("INSERT INTO gap VALUES (1,?,?,?,?)").run(dropped, bytes, fromMs, toMs);
  }

  transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

/**
 * Opens the file, made 0600 where it is new, and checks it.
 *
 * @throws {StoreError} NEWER_SCHEMA, CORRUPT; and whatever SQLite and the file system throw
 */
export function openTable(path: string, maxBytes: number): OutboxTable {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const db = new DatabaseSync(path);
  try {
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > VERSION) throw new StoreError("NEWER_SCHEMA", `the outbox has schema ${version}`);
    db.exec(
      `${PRAGMAS} PRAGMA max_page_count = ${BASE_PAGES + Math.ceil((maxBytes * FILE_FACTOR) / PAGE_BYTES)};`,
    );
    if (db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"] !== "ok")
      throw new StoreError("CORRUPT", "quick_check found damage in the outbox");
    if (version === 0) db.exec(`BEGIN; ${SCHEMA} COMMIT`);
    return new OutboxTable(db);
  } catch (error) {
    db.close();
    throw error;
  }
}
