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

  constructor(records: RecordStore, log: AgentLog, fresh: PodRecord) {
    this.#records = records;
    this.#log = log;
    this.#record = (records.get(POD_BUCKET, fresh.uid) as PodRecord | undefined) ?? fresh;
  }

  get value(): PodRecord {
    return this.#record;
  }

  /** Durable when the promise resolves. @throws {StoreError} */
  async write(change: Partial<PodRecord>): Promise<void> {
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

  /** For what may be lost with the process: computed again from the runtime. */
  writeSoon(change: Partial<PodRecord>): void {
    this.write(change).catch((error: unknown) => {
      this.#log.warn({ uid: this.#record.uid, err: error }, "pod record not written");
    });
  }

  /** The pod is wanted again: its deletion has not begun. */
  forgetDeletion(): void {
    if (this.#record.deletion === undefined) return;
    const entries = Object.entries(this.#record).filter(([key]) => key !== "deletion");
    this.#record = Object.fromEntries(entries) as unknown as PodRecord;
    this.#put().catch((error: unknown) => {
      this.#log.warn({ uid: this.#record.uid, err: error }, "pod record not written");
    });
  }

  async forget(): Promise<void> {
    await this.#writes;
    await this.#records.delete(POD_BUCKET, this.#record.uid);
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
