// SPDX-License-Identifier: Apache-2.0
import type { DeviceState, DeviceVerdict } from "../verdict.ts";

/** The latest state of one device, as it is kept and sent. */
export interface StateRecord {
  readonly uid: string;
  readonly state: DeviceState;
  /** Why, and whose device it is; see DeviceVerdict. */
  readonly reason?: string;
  readonly message?: string;
  readonly mapper?: string;
  /** RFC 3339 in UTC; only while online or ok */
  readonly lastOnlineTime?: string;
  /** when it was reported, in milliseconds since the epoch; only to tell after a restart which is newest */
  readonly reportedMs?: number;
}

interface Entry {
  readonly record: StateRecord;
  /** rises with each report */
  readonly order: number;
  readonly isConfirmed: boolean;
}

/** The latest state of every device. */
export class States {
  readonly #entries = new Map<string, Entry>();
  readonly #nextOrder: () => number;

  /** @param nextOrder rises with each call */
  constructor(nextOrder: () => number) {
    this.#nextOrder = nextOrder;
  }

  /** @returns whether it is another than the last, not the same once more */
  report(key: string, uid: string, verdict: DeviceVerdict, nowMs: number): boolean {
    const { state, reason, message, mapper } = verdict;
    const last = this.#entries.get(key)?.record;
    const isUp = state === "online" || state === "ok";
    const lastOnlineTime = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, "Z");
    const why = { reason, ...(message !== "" && { message }), ...(mapper !== undefined && { mapper }) };
    this.load(key, { uid, state, ...why, ...(isUp && { lastOnlineTime }), reportedMs: nowMs });
    return last?.uid !== uid || last.state !== state || last.reason !== reason;
  }

  load(key: string, record: StateRecord): void {
    this.#entries.set(key, { record, order: this.#nextOrder(), isConfirmed: false });
  }

  /** What the cloud has not confirmed; undefined when it has. */
  next(key: string): { readonly record: StateRecord; readonly confirm: () => void } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.isConfirmed) return undefined;
    const confirm = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.set(key, { ...entry, isConfirmed: true });
    };
    return { record: entry.record, confirm };
  }

  /** The cloud may have lost it. */
  unconfirm(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.set(key, { ...entry, isConfirmed: false });
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  stateOf(key: string): DeviceState | undefined {
    return this.#entries.get(key)?.record.state;
  }

  uidOf(key: string): string | undefined {
    return this.#entries.get(key)?.record.uid;
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Higher than that of what came before; 0 when nothing is known. */
  orderOf(key: string): number {
    return this.#entries.get(key)?.order ?? 0;
  }

  /** The newest first, as they came. */
  keys(): Iterable<string> {
    return [...this.#entries].sort(([, a], [, b]) => b.order - a.order).map(([key]) => key);
  }

  /** What a restart must not lose. */
  record(key: string): StateRecord | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.isConfirmed ? undefined : entry.record;
  }
}
