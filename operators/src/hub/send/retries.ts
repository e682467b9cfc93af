// SPDX-License-Identifier: Apache-2.0
import { backoffMs } from "../backoff.ts";
import type { Slot } from "./window.ts";

export interface RetryLimits {
  readonly baseMs: number;
  readonly capMs: number;
  /** Failures of the edge to store one version before the key is quarantined. */
  readonly quarantineAfter: number;
  readonly maxQuarantined: number;
  /** A quarantined version is tried again after so long. */
  readonly quarantineMs: number;
}

interface Record {
  failures: number;
  refusals: number;
  nextAtMs: number;
  token: string;
  /** The frame that was sent last, for the same msg_id when the same version goes again. */
  last?: {
    readonly msgId: string;
    readonly op: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** Keys of one session that failed: each backs off alone, and one that keeps failing is set aside. */
export class Retries {
  readonly #limits: RetryLimits;
  readonly #random: () => number;
  readonly #records = new Map<string, Record>();
  readonly #quarantined = new Map<string, { readonly token: string; readonly untilMs: number }>();

  constructor(limits: RetryLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get size(): number {
    return this.#records.size + this.#quarantined.size;
  }

  get quarantined(): number {
    return this.#quarantined.size;
  }

  /** May this key go now? A new token (a newer version is wanted) frees a quarantined key. */
  allows(key: string, token: string, nowMs: number): boolean {
    const aside = this.#quarantined.get(key);
    if (aside !== undefined) {
      if (aside.token === token && nowMs < aside.untilMs) return false;
      this.#quarantined.delete(key);
    }
    const record = this.#records.get(key);
    return record === undefined || record.nextAtMs <= nowMs;
  }

  /**
   * A try failed.
   *
   * @param refused the edge refused or ignored it, which counts towards quarantine; trouble on our side does not
   * @returns whether the key was quarantined by this
   */
  failed(
    slot: Pick<Slot, "key" | "want" | "msgId" | "op" | "uid" | "resourceVersion">,
    refused: boolean,
    nowMs: number,
  ): boolean {
    const record = this.#records.get(slot.key) ?? {
      failures: 0,
      refusals: 0,
      nextAtMs: 0,
      token: slot.want.token,
    };
    if (record.token !== slot.want.token) record.refusals = 0;
    record.token = slot.want.token;
    record.failures += 1;
    if (refused) record.refusals += 1;
    if (slot.msgId !== "")
      record.last = { msgId: slot.msgId, op: slot.op, uid: slot.uid, resourceVersion: slot.resourceVersion };
    record.nextAtMs = nowMs + backoffMs(record.failures, this.#limits, this.#random());
    this.#records.set(slot.key, record);
    if (record.refusals < this.#limits.quarantineAfter) return false;
    this.setAside(slot.key, slot.want.token, nowMs);
    return true;
  }

  /** Quarantines a key at once: nothing is sent for it until something newer is wanted, or a long time has passed. */
  setAside(key: string, token: string, nowMs: number): void {
    this.#records.delete(key);
    this.#quarantined.set(key, { token, untilMs: nowMs + this.#limits.quarantineMs });
    if (this.#quarantined.size <= this.#limits.maxQuarantined) return;
    for (const oldest of this.#quarantined.keys()) {
      this.#quarantined.delete(oldest);
      return;
    }
  }

  succeeded(key: string): void {
    this.#records.delete(key);
    this.#quarantined.delete(key);
  }

  /** The msg_id to send this version with again, if it is the one that was sent last. */
  sameFrame(key: string, op: string, uid: string, resourceVersion: string): string | undefined {
    const last = this.#records.get(key)?.last;
    if (last === undefined) return undefined;
    return last.op === op && last.uid === uid && last.resourceVersion === resourceVersion
      ? last.msgId
      : undefined;
  }

  /** Forgets the keys that nobody wants any more. */
  keepOnly(wanted: (key: string) => boolean): void {
    for (const key of this.#records.keys()) if (!wanted(key)) this.#records.delete(key);
    for (const key of this.#quarantined.keys()) if (!wanted(key)) this.#quarantined.delete(key);
  }

  /** When the next key may be tried again, or Infinity. */
  nextAtMs(nowMs: number): number {
    let next = Infinity;
    for (const record of this.#records.values()) {
      if (record.nextAtMs > nowMs && record.nextAtMs < next) next = record.nextAtMs;
    }
    return next;
  }
}
