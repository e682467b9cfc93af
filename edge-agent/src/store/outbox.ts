// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { createCommitter } from "./committer.ts";
import { asStoreError } from "./failures.ts";
import type { Gap, Outbox, OutboxRow } from "./outbox-port.ts";
import { openTable, type OutboxTable, type Totals } from "./outbox-table.ts";
import { quarantineFile } from "./quarantine.ts";

/** What the outbox needs of the agent, and its bounds. */
export interface OutboxDeps {
  readonly clock: Clock;
  readonly log: AgentLog;
  /** Quota of what waits, topics and payloads. */
  readonly maxBytes: number;
  /** Longest time that something waits. */
  readonly maxAgeMs: number;
  /** So many of the oldest had to go. */
  readonly onDropped: (count: number) => void;
}

/** What a row costs beside its text. */
const ROW_BYTES = 64;
const MAX_ROWS = 100;
const MAX_QUEUED = 1_000;
const TELL_MS = 60_000;
/** A step of the wall clock, against the one that only goes forward, that is more than a slow correction. */
const STEP_MS = 60_000;
/** What was stamped before this had a clock that was not set yet; such a row has no age. */
const SANE_MS = Date.UTC(2020, 0, 1);

/**
 * Opens the outbox: a file of its own beside the store, so that a full outbox leaves no pod without room, and damage in
 * one is none in the other. A damaged file is set aside.
 *
 * @throws {StoreError} NEWER_SCHEMA, FULL, IO
 */
export function createOutbox(path: string, deps: OutboxDeps): Outbox {
  return new FileOutbox(path, deps);
}

class FileOutbox implements Outbox {
  readonly #path: string;
  readonly #deps: OutboxDeps;
  readonly #committer: ReturnType<typeof createCommitter>;
  #table: OutboxTable;
  #totals: Totals;
  /** rows from here on were stamped by this run of the agent */
  #firstId: number;
  /** wall clock less the one that only goes forward, as rows of this run are stamped */
  #skewMs: number;
  /** as they were before the transaction that runs */
  #before: { readonly totals: Totals; readonly skewMs: number };
  /** dropped within the transaction that runs */
  #dropped = 0;
  #toldAtMs = -Infinity;

  constructor(path: string, deps: OutboxDeps) {
    this.#path = path;
    this.#deps = deps;
    this.#table = openOrReplace(path, deps);
    this.#totals = this.#table.totals();
    this.#firstId = this.#table.lastId() + 1;
    this.#skewMs = this.#skewNowMs();
    this.#before = { totals: this.#totals, skewMs: this.#skewMs };
    this.#committer = createCommitter({
      transaction: (work) => this.#transaction(work),
      rolledBack: () => this.#rolledBack(),
      makeRoom: () => this.#makeRoom(),
      rebuild: () => this.#rebuild(),
      maxRows: MAX_ROWS,
      maxQueued: MAX_QUEUED,
    });
  }

  get count(): number {
    return this.#totals.count;
  }

  get bytes(): number {
    return this.#totals.bytes;
  }

  put(topic: string, payload: string): Promise<void> {
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + ROW_BYTES;
    return this.#submit(true, () => {
      this.#drop(this.#deps.maxBytes - bytes);
      this.#table.put(topic, payload, this.#deps.clock.nowMs(), bytes);
      this.#count(1, bytes);
    });
  }

  delete(ids: readonly number[]): Promise<void> {
    return this.#submit(true, () => {
      for (const id of ids) {
        const bytes = this.#table.delete(id);
        if (bytes > 0) this.#count(-1, -bytes);
      }
    });
  }

  next(afterId: number, maxRows: number, maxChars: number): readonly OutboxRow[] {
    return this.#read(() => this.#nextRows(afterId, maxRows, maxChars));
  }

  #nextRows(afterId: number, maxRows: number, maxChars: number): OutboxRow[] {
    const rows: OutboxRow[] = [];
    let chars = 0;
    for (const row of this.#table.after(afterId)) {
      chars += row.payload.length;
      if (rows.length > 0 && chars > maxChars) break;
      rows.push(row);
      if (rows.length >= maxRows) break;
    }
    return rows;
  }

  gap(): Gap | undefined {
    return this.#read(() => this.#table.gap());
  }

  forgetGap({ dropped, bytes }: Gap): Promise<void> {
    return this.#submit(true, () => {
      const held = this.#table.gap();
      const isMore = held !== undefined && held.dropped > dropped;
      this.#table.setGap(
        isMore ? { ...held, dropped: held.dropped - dropped, bytes: held.bytes - bytes } : undefined,
      );
    });
  }

  dropOld(): Promise<void> {
    return this.#submit(true, () => this.#drop(this.#deps.maxBytes));
  }

  close(): void {
    this.#committer.flush();
    this.#table.close();
  }

  #submit(frees: boolean, write: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#committer.submit({ frees, write, committed: resolve, failed: reject });
    });
  }

  /** Damage that is found on reading would be found again and again. @throws {StoreError} */
  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = asStoreError(error, "cannot read the outbox");
      if (failure.code !== "CORRUPT") throw failure;
      this.#rebuild();
      return work();
    }
  }

  #transaction(work: () => void): void {
    this.#dropped = 0;
    this.#before = { totals: this.#totals, skewMs: this.#skewMs };
    this.#table.transaction(work);
    if (this.#dropped > 0) this.#deps.onDropped(this.#dropped);
  }

  /** Asks nothing of a file that may be damaged. */
  #rolledBack(): void {
    this.#totals = this.#before.totals;
    this.#skewMs = this.#before.skewMs;
  }

  /** What was in the damaged file is counted as dropped, now: nobody can read any more when it came. */
  #rebuild(): void {
    const { count, bytes } = this.#totals;
    this.#table.close();
    this.#table = replace(this.#path, this.#deps);
    this.#totals = this.#table.totals();
    this.#firstId = this.#table.lastId() + 1;
    if (count === 0) return;
    this.#deps.onDropped(count);
    const atMs = this.#deps.clock.nowMs();
    this.#table.setGap({ dropped: count, bytes, fromMs: atMs, toMs: atMs });
  }

  #skewNowMs(): number {
    return this.#deps.clock.nowMs() - this.#deps.clock.monotonicMs();
  }

  /** When the wall clock is set, what this run stamped is set with it: it is as old as it is. */
  #followClock(): void {
    const stepMs = Math.round(this.#skewNowMs() - this.#skewMs);
    if (Math.abs(stepMs) < STEP_MS) return;
    this.#table.shift(this.#firstId, stepMs);
    this.#skewMs += stepMs;
  }

  #count(rows: number, bytes: number): void {
    this.#totals = { count: this.#totals.count + rows, bytes: this.#totals.bytes + bytes };
  }

  /** The oldest go, until no more than `bytes` are held and none is too old. */
  #drop(bytes: number): void {
    this.#followClock();
    const tooOldMs = this.#deps.clock.nowMs() - this.#deps.maxAgeMs;
    const isOld = (atMs: number): boolean => atMs >= SANE_MS && atMs < tooOldMs;
    const gone: { id: number; atMs: number; bytes: number }[] = [];
    let left = this.#totals.bytes;
    for (const row of this.#table.oldest()) {
      if (left <= bytes && !isOld(row.atMs)) break;
      gone.push(row);
      left -= row.bytes;
    }
    for (const row of gone) this.#table.delete(row.id);
    if (gone.length === 0) return;
    this.#count(-gone.length, left - this.#totals.bytes);
    this.#dropped += gone.length;
    this.#widenGap(gone);
  }

  #widenGap(gone: readonly { readonly atMs: number; readonly bytes: number }[]): void {
    const held = this.#table.gap();
    const times = gone.map(({ atMs }) => atMs);
    this.#table.setGap({
      dropped: (held?.dropped ?? 0) + gone.length,
      bytes: (held?.bytes ?? 0) + gone.reduce((sum, row) => sum + row.bytes, 0),
      fromMs: Math.min(held?.fromMs ?? Infinity, ...times),
      toMs: Math.max(held?.toMs ?? 0, ...times),
    });
  }

  /** Every message finds out anew while the disk is full: told once a minute. */
  #tellOfNoRoom(err: unknown): void {
    const atMs = this.#deps.clock.monotonicMs();
    if (atMs - this.#toldAtMs < TELL_MS) return;
    this.#toldAtMs = atMs;
    this.#deps.log.error({ err, path: this.#path }, "no room can be made in the outbox");
  }

  /** On a full disk the older half goes: pages of the file are used again. */
  #makeRoom(): boolean {
    try {
      this.#transaction(() => this.#drop(this.#totals.bytes / 2));
      return true;
    } catch (err) {
      this.#rolledBack();
      this.#tellOfNoRoom(err);
      return false;
    }
  }
}

function openOrReplace(path: string, deps: OutboxDeps): OutboxTable {
  try {
    return openTable(path, deps.maxBytes);
  } catch (error) {
    const failure = asStoreError(error, "cannot open the outbox");
    if (failure.code !== "CORRUPT") throw failure;
    return replace(path, deps);
  }
}

function replace(path: string, deps: OutboxDeps): OutboxTable {
  deps.log.error({ path }, "damaged outbox set aside, starting with a new one");
  try {
    const stamp = new Date(deps.clock.nowMs()).toISOString().replaceAll(/[^0-9]/g, "");
    if (existsSync(path)) quarantineFile(path, stamp);
    return openTable(path, deps.maxBytes);
  } catch (error) {
    throw asStoreError(error, "cannot replace the outbox");
  }
}
