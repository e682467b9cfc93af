// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { AgentLog } from "../../log.ts";
import type { RecordStore } from "../../store/port.ts";
import type { PodRecord } from "./record.ts";

/** Where the records of pods are in the store, by uid. */
export const POD_BUCKET = "pods/state";

/** The durable record of one pod, held in memory and written through. */
export class Journal {
  readonly #records: RecordStore;
  readonly #log: AgentLog;
  #record: PodRecord;
  #writes: Promise<void> = Promise.resolve();
  /** The write of what `#record` holds now; undefined once it has failed. */
  #newest: Promise<void> | undefined = Promise.resolve();
  /** The record shall not be in the store; only `write` brings it back. */
  #isForgotten = false;

  constructor(records: RecordStore, log: AgentLog, fresh: PodRecord) {
    this.#records = records;
    this.#log = log;
    this.#record = (records.get(POD_BUCKET, fresh.uid) as PodRecord | undefined) ?? fresh;
  }

  get value(): PodRecord {
    return this.#record;
  }

  /** Durable when the promise resolves; also after a `forget`, for a pod that is wanted again. @throws {StoreError} */
  async write(change: Partial<PodRecord>): Promise<void> {
    this.#isForgotten = false;
    const next = { ...this.#record, ...change };
    // Unchanged is done only when the write of it is: one under way is waited for, one that failed is made anew.
    if (this.#newest && isDeepStrictEqual(next, this.#record) && this.#isStored()) return this.#newest;
    this.#record = next;
    await this.#put();
  }

  #put(): Promise<void> {
    const record = this.#record;
    const write = this.#writes.then(() => this.#records.put(POD_BUCKET, record.uid, record));
    this.#newest = write;
    this.#writes = write.catch(() => {
      if (this.#newest === write) this.#newest = undefined;
    });
    return write;
  }

  /** For what may be lost with the process: computed again from the runtime. Never brings back what was forgotten. */
  writeSoon(change: Partial<PodRecord>): void {
    if (this.#isForgotten) {
      this.#record = { ...this.#record, ...change };
      return;
    }
    this.write(change).catch((error: unknown) => {
      this.#log.warn({ uid: this.#record.uid, err: error }, "pod record not written");
    });
  }

  /** The pod is wanted again: its deletion has not begun. */
  forgetDeletion(): void {
    if (this.#record.deletion === undefined) return;
    const entries = Object.entries(this.#record).filter(([key]) => key !== "deletion");
    this.#record = Object.fromEntries(entries) as unknown as PodRecord;
    if (this.#isForgotten) return;
    this.#put().catch((error: unknown) => {
      this.#log.warn({ uid: this.#record.uid, err: error }, "pod record not written");
    });
  }

  /** Comes after every write that was begun, and wins over those that nobody waits for. @throws {StoreError} */
  async forget(): Promise<void> {
    this.#isForgotten = true;
    const deletion = this.#writes.then(() => this.#records.delete(POD_BUCKET, this.#record.uid));
    this.#writes = deletion.catch(() => undefined);
    await deletion;
  }

  #isStored(): boolean {
    return this.#records.get(POD_BUCKET, this.#record.uid) !== undefined;
  }
}

/** The record that a pod starts with on this node. */
export function freshRecord(
  pod: { readonly uid: string; readonly name: string; readonly namespace: string },
  startTime: string,
  acceptedAtMs: number,
): PodRecord {
  return { ...pod, startTime, acceptedAtMs, history: {}, attempts: {}, sandboxAttempt: -1 };
}
