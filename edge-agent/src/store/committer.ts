// SPDX-License-Identifier: Apache-2.0
import { asStoreError } from "./failures.ts";
import { StoreError } from "./port.ts";

/** One change on its way to disk. */
export interface Write {
  /** Runs inside the transaction, possibly more than once (a batch that failed is tried again one by one). */
  write(): void;
  /** The transaction is durable. */
  committed(): void;
  failed(error: StoreError): void;
  /** Makes room, so it may use the reserve when the disk is full. */
  readonly frees: boolean;
}

/** The database, as group commit sees it. */
export interface CommitterDeps {
  /** All or nothing; durable on return. */
  readonly transaction: (work: () => void) => void;
  /** Called when a transaction was undone, before its writes are tried again or failed. */
  readonly rolledBack: () => void;
  /** Makes room on a full disk; false when there is none to make. */
  readonly makeRoom: () => boolean;
  /** Replaces a damaged file by a fresh one with what memory holds. @throws when that failed too */
  readonly rebuild: () => void;
  readonly maxRows: number;
  readonly maxQueued: number;
}

/** Takes changes one by one and makes them durable together. */
export interface Committer {
  readonly submit: (write: Write) => void;
  /** Writes all that waits, now. */
  readonly flush: () => void;
}

/**
 * Group commit: what was submitted in one turn of the event loop goes to disk in one transaction of at most `maxRows`.
 * One write that cannot be stored does not take its neighbours with it.
 */
export function createCommitter(deps: CommitterDeps): Committer {
  const queue: Write[] = [];
  let scheduled = false;

  const attempt = (batch: readonly Write[]): StoreError | undefined => {
    try {
      deps.transaction(() => batch.forEach((write) => write.write()));
      return undefined;
    } catch (error) {
      deps.rolledBack();
      return asStoreError(error, "cannot write to the store");
    }
  };
  const recover = (batch: readonly Write[], error: StoreError): StoreError | undefined => {
    if (error.code === "CORRUPT") {
      deps.rebuild();
      return attempt(batch);
    }
    const mayUseReserve = error.code === "FULL" && batch.every((write) => write.frees);
    return mayUseReserve && deps.makeRoom() ? attempt(batch) : error;
  };
  const settle = (batch: readonly Write[]): void => {
    let error = attempt(batch);
    if (error !== undefined && batch.length > 1) {
      batch.forEach((write) => settle([write]));
      return;
    }
    try {
      if (error !== undefined) error = recover(batch, error);
    } catch (cause) {
      error = asStoreError(cause, "cannot recover the store");
    }
    for (const write of batch) {
      if (error === undefined) write.committed();
      else write.failed(error);
    }
  };
  const flush = (): void => {
    scheduled = false;
    settleIfAny(queue.splice(0, deps.maxRows), settle);
    if (queue.length > 0) schedule();
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  return {
    submit: (write) => {
      if (queue.length >= deps.maxQueued) {
        write.failed(new StoreError("FULL", "too many writes are waiting"));
        return;
      }
      queue.push(write);
      schedule();
    },
    flush: () => {
      while (queue.length > 0) settleIfAny(queue.splice(0, deps.maxRows), settle);
    },
  };
}

function settleIfAny(batch: readonly Write[], settle: (batch: readonly Write[]) => void): void {
  if (batch.length > 0) settle(batch);
}
