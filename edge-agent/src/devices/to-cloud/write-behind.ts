// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { RecordStore } from "../../store/port.ts";

/** Where it writes, how often, and what. */
export interface WriteBehindDeps {
  readonly records: RecordStore;
  readonly bucket: string;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** least time between two writes */
  readonly intervalMs: number;
  /** What has to be kept of this key; undefined for nothing. */
  readonly valueOf: (key: string) => unknown;
  /** Milliseconds since the cloud confirmed something of this key; Infinity when it never did. */
  readonly confirmedAgoMs: (key: string) => number;
  /** What has to be durable before what is written here; never throws. */
  readonly before?: () => Promise<void>;
  /** A key that was confirmed within this is one that the cloud keeps up with; default the interval. */
  readonly keepsUpMs?: () => number;
}

/**
 * Writes what changes fast to the records now and then, since flash wears out by writes: a report a second would be
 * 86,400 a day for one device. While the cloud confirms within the interval, nothing is written at all; a power cut
 * costs at most one interval of reports, and the mapper's next one makes up for it.
 */
export class WriteBehind {
  readonly #deps: WriteBehindDeps;
  readonly #dirty = new Set<string>();
  /** Keys that have a record. */
  readonly #stored: Set<string>;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #hasEnded = false;

  constructor(deps: WriteBehindDeps) {
    this.#deps = deps;
    this.#stored = new Set(deps.records.list(deps.bucket).map(([key]) => key));
  }

  /** The value of this key may have changed. */
  mark(key: string): void {
    if (this.#hasEnded) return;
    this.#dirty.add(key);
    this.#cancel ??= this.#deps.clock.schedule(this.#deps.intervalMs, () => void this.flush());
  }

  /** Writes now. Never throws: what could not be written is tried again after the interval, unless it is the last. */
  flush({ isLast = false } = {}): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const all = [...this.#dirty];
    this.#dirty.clear();
    this.#hasEnded ||= isLast;
    // A key that the cloud keeps up with costs no write, however fast its mapper is, but for the removal of what was
    // written before: after a restart that would be sent over something newer.
    const isCurrent = (key: string): boolean => this.#isCurrent(key) && this.#deps.valueOf(key) !== undefined;
    const keys = all.filter((key) => !isCurrent(key) || this.#stored.has(key));
    for (const key of all.filter(isCurrent)) this.mark(key);
    this.#writing = this.#writing.then(() => this.#deps.before?.()).then(() => this.#write(keys));
    return this.#writing;
  }

  /** The cloud keeps up with this key. */
  #isCurrent(key: string): boolean {
    const { intervalMs, confirmedAgoMs, keepsUpMs } = this.#deps;
    return !this.#hasEnded && confirmedAgoMs(key) < (keepsUpMs?.() ?? intervalMs);
  }

  async #write(keys: readonly string[]): Promise<void> {
    const { log, bucket } = this.#deps;
    const results = await Promise.allSettled(keys.map((key) => this.#writeOne(key)));
    const failures = results.flatMap((result, i) =>
      result.status === "rejected" ? [{ key: keys[i] ?? "", err: result.reason as unknown }] : [],
    );
    for (const { key } of failures) this.mark(key);
    if (failures.length > 0 && !this.#hasFailed)
      log.error({ err: failures[0]?.err, bucket, count: failures.length }, "reports of devices not stored");
    this.#hasFailed = failures.length > 0;
  }

  async #writeOne(key: string): Promise<void> {
    const { records, bucket } = this.#deps;
    const value = this.#isCurrent(key) ? undefined : this.#deps.valueOf(key);
    if (value !== undefined) {
      await records.put(bucket, key, value);
      this.#stored.add(key);
    } else if (this.#stored.has(key)) {
      await records.delete(bucket, key);
      this.#stored.delete(key);
    }
  }
}
