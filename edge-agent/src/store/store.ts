// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { createCommitter } from "./committer.ts";
import { openDatabase, type Database, type LoadedRows } from "./database.ts";
import { createDesired } from "./desired.ts";
import { asStoreError } from "./failures.ts";
import { lockDirectory } from "./lock.ts";
import { StoreError, type DesiredStore, type RecordStore } from "./port.ts";
import { quarantineFile } from "./quarantine.ts";
import { createRecords } from "./records.ts";
import { createReserve } from "./reserve.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** What the store counts. */
export interface StoreMetrics {
  /** One row or one file that was set aside because it was damaged. */
  damaged(what: "row" | "file"): void;
  failed(code: string): void;
}

/** What the store needs of the agent, and its bounds. */
export interface StoreDeps {
  readonly log: AgentLog;
  readonly clock: Clock;
  readonly metrics: StoreMetrics;
  /** Bound of the database file. Default 64 MiB. */
  readonly maxFileBytes?: number;
  /** Space kept back for deletions on a full disk. Default 4 MiB. */
  readonly reserveBytes?: number;
  /** Rows a transaction. Default 100: about 2 ms of SQLite. */
  readonly maxRows?: number;
}

/** Everything durable of this node. */
export interface Store {
  readonly desired: DesiredStore;
  readonly records: RecordStore;
  /** The SQLite file. */
  readonly file: string;
  /** Schema of the file. */
  readonly schema: number;
  /** Writes a whole copy of what is durable to a file that does not exist yet. @throws {StoreError} */
  backup(to: string): void;
  /** Writes what waits, closes the file and gives the directory free. */
  close(): void;
}

const MAX_QUEUED = 10_000;
const REFILL_AFTER_MS = 60_000;

/**
 * Opens the store of a data directory: `agent.db`, SQLite in WAL mode with synchronous=FULL, for this process alone.
 * What is damaged is set aside and counted, never used and never a reason not to start.
 *
 * @throws {StoreError} LOCKED, NEWER_SCHEMA (file untouched), IO, FULL
 */
export function createStore(directory: string, deps: StoreDeps): Store {
  makeDirectory(directory);
  const unlock = lockDirectory(join(directory, "agent.lock"));
  try {
    return openStore(join(directory, "agent.db"), deps, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asStoreError(error, "cannot make the data directory");
  }
}

function openStore(path: string, deps: StoreDeps, unlock: () => void): Store {
  const opened = openOrReplace(path, deps);
  let db = opened.db;
  const reserve = createReserve(`${path}.reserve`, deps.reserveBytes ?? 4 * 1024 * 1024);
  reserve.refill();
  let releasedAtMs: number | undefined;
  const makeRoom = (): boolean => {
    if (!reserve.release()) return false;
    releasedAtMs = deps.clock.monotonicMs();
    deps.log.warn("disk full, reserve released for deletions");
    return true;
  };
  const refill = (): void => {
    if (releasedAtMs === undefined || deps.clock.monotonicMs() - releasedAtMs < REFILL_AFTER_MS) return;
    reserve.refill();
    releasedAtMs = undefined;
  };
  const rebuild = (): void => {
    db.close();
    db = replaceFile(path, deps);
    db.transaction(() => {
      desired.objects().forEach((object) => db.putObject(object));
      records.entries().forEach(([bucket, key, value]) => db.putRecord(bucket, key, value));
    });
  };
  const committer = createCommitter({
    transaction: (work) => {
      db.transaction(work);
      refill();
    },
    rolledBack: () => {
      desired.forgetUncommitted();
    },
    makeRoom,
    rebuild,
    maxRows: deps.maxRows ?? 100,
    maxQueued: MAX_QUEUED,
  });
  const shared = { submit: committer.submit, db: () => db, log: deps.log, metrics: deps.metrics };
  const desired = createDesired(opened.rows.objects, shared);
  const records = createRecords(opened.rows.records, shared);
  const close = (): void => {
    committer.flush();
    db.close();
    unlock();
  };
  const backup = (to: string): void => {
    try {
      db.copyTo(to);
    } catch (error) {
      throw asStoreError(error, "cannot copy the store");
    }
  };
  return {
    desired: desired.port,
    records: records.port,
    file: path,
    schema: SCHEMA_VERSION,
    backup,
    close,
  };
}

function openOrReplace(path: string, deps: StoreDeps): { db: Database; rows: LoadedRows } {
  try {
    return openAndLoad(openDatabase(path, limit(deps)), deps);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "CORRUPT") throw error;
    return openAndLoad(replaceFile(path, deps), deps);
  }
}

function openAndLoad(db: Database, deps: StoreDeps): { db: Database; rows: LoadedRows } {
  try {
    const rows = db.load();
    for (const { source, key } of rows.damaged) {
      deps.metrics.damaged("row");
      deps.log.error({ source, key: key.slice(0, 128) }, "damaged row set aside");
    }
    return { db, rows };
  } catch (error) {
    db.close();
    throw asStoreError(error, "cannot read the store");
  }
}

function replaceFile(path: string, deps: StoreDeps): Database {
  deps.metrics.damaged("file");
  deps.log.error("damaged store set aside, starting with a new one");
  const stamp = new Date(deps.clock.nowMs()).toISOString().replaceAll(/[^0-9]/g, "");
  try {
    quarantineFile(path, stamp);
  } catch (error) {
    throw asStoreError(error, "cannot set the damaged store aside");
  }
  return openDatabase(path, limit(deps));
}

function limit(deps: StoreDeps): number {
  return deps.maxFileBytes ?? 64 * 1024 * 1024;
}
