// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Stored } from "./events.ts";
import { contentOf, type ViewedObject } from "./view.ts";

/** Looking may wait that long for a writer. */
const BUSY_MS = 2_000;

/**
 * Triggers that write down each change of the store in the transaction that makes it, so that no version is missed and
 * the order is that of the commits. They stay in the file; REPLACE fires no delete trigger.
 */
const JOURNAL = `
  CREATE TABLE IF NOT EXISTS e2e_journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, op TEXT NOT NULL, key TEXT NOT NULL, uid TEXT NOT NULL,
    rv TEXT NOT NULL, epoch TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS e2e_put AFTER INSERT ON objects BEGIN
    INSERT INTO e2e_journal (at, op, key, uid, rv, epoch)
    VALUES (unixepoch('subsec') * 1000, 'put', new.key, new.uid, new.rv, new.epoch);
  END;
  CREATE TRIGGER IF NOT EXISTS e2e_delete AFTER DELETE ON objects BEGIN
    INSERT INTO e2e_journal (at, op, key, uid, rv, epoch)
    VALUES (unixepoch('subsec') * 1000, 'delete', old.key, old.uid, old.rv, old.epoch);
  END;`;
const NO_JOURNAL =
  "DROP TRIGGER IF EXISTS e2e_put; DROP TRIGGER IF EXISTS e2e_delete; DROP TABLE IF EXISTS e2e_journal;";

/** The store of a running agent, seen from beside it. */
export interface StoreJournal {
  /** All changes since the journal was begun. @throws when the journal is gone: the store was replaced */
  changes(): Stored[];
  /** What the store holds now, by key. */
  objects(): Map<string, ViewedObject>;
  /** Removes the journal again. */
  end(): void;
}

/** Begins a journal in the store of an agent. Call all of it only while that agent runs. */
export function beginJournal(path: string): StoreJournal {
  const read = <T>(work: (db: DatabaseSync) => T): T => using(path, { readOnly: true }, work);
  const write = (sql: string): void => using(path, { readOnly: false }, (db) => db.exec(sql));
  write(`${NO_JOURNAL} ${JOURNAL}`);
  return {
    changes: () => read((db) => db.prepare("SELECT * FROM e2e_journal ORDER BY seq").all().map(toStored)),
    objects: () =>
      read((db) => new Map(db.prepare("SELECT key, uid, value FROM objects").all().map(toObject))),
    end: () => write(NO_JOURNAL),
  };
}

function using<T>(path: string, options: { readOnly: boolean }, work: (db: DatabaseSync) => T): T {
  if (!existsSync(path)) throw new Error(`there is no store at ${path}`);
  const db = new DatabaseSync(path, { ...options, timeout: BUSY_MS });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

type Row = Readonly<Record<string, unknown>>;

const toStored = (row: Row): Stored => ({
  type: "stored",
  atMs: Number(row["at"]),
  op: row["op"] as Stored["op"],
  key: String(row["key"]),
  uid: String(row["uid"]),
  rv: String(row["rv"]),
  epoch: Number(row["epoch"]),
});

const toObject = (row: Row): [string, ViewedObject] => [
  String(row["key"]),
  { uid: String(row["uid"]), content: contentOf(JSON.parse(String(row["value"]))) },
];
