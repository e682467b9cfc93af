// SPDX-License-Identifier: Apache-2.0
import type { Acked, Want } from "../../delivery/mailbox.ts";
import { isInTiers, keyOf, rankOf } from "./tiers.ts";

/** One key that is on its way: reserved, then sent, then acknowledged and being recorded. */
export interface Slot {
  readonly key: string;
  readonly want: Want;
  readonly rank: number;
  state: "reserved" | "sent" | "settling";
  op: Want["op"];
  uid: string;
  resourceVersion: string;
  digest: string;
  msgId: string;
  bytes: number;
  sentAtMs: number;
  /** Wake-ups that the session had seen when the slot was reserved. */
  readonly wakesSeen: number;
}

export interface WindowLimits {
  readonly frames: number;
  readonly bytes: number;
}

/**
 * The send window of one session: at most so many frames and bytes unacknowledged, and never two of one key.
 *
 * A slot is held from the moment that its object is read until the acknowledgement is recorded in the mailbox, so
 * that a wake-up in between cannot send the same version twice. An overdue frame gives its slot back but can still
 * be acknowledged, as long as nothing newer of its key was sent.
 */
export class Window {
  readonly #limits: WindowLimits;
  readonly #slots = new Map<string, Slot>();
  readonly #byId = new Map<string, Slot>();
  readonly #overdue = new Map<string, Slot>();
  readonly #fields = new Set<string>();
  #bytes = 0;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** Keys that are on their way. */
  get size(): number {
    return this.#slots.size;
  }

  get unackedBytes(): number {
    return this.#bytes;
  }

  /** Mailbox fields that are on their way. */
  get fields(): ReadonlySet<string> {
    return this.#fields;
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  hasRoom(): boolean {
    return this.#slots.size < this.#limits.frames && this.#bytes < this.#limits.bytes;
  }

  /** A frame of this size may go now. One frame may exceed the limit, alone. */
  fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#limits.bytes;
  }

  /** Lowest rank on its way, or Infinity. */
  lowestRank(): number {
    let lowest = Infinity;
    for (const slot of this.#slots.values()) if (slot.rank < lowest) lowest = slot.rank;
    return lowest;
  }

  reserve(want: Want, wakesSeen: number): Slot {
    const slot: Slot = {
      key: keyOf(want),
      want,
      rank: isInTiers(want.kind) ? rankOf(want.op, want.kind) : Infinity,
      state: "reserved",
      op: want.op,
      uid: want.uid,
      resourceVersion: want.resourceVersion,
      digest: want.digest,
      msgId: "",
      bytes: 0,
      sentAtMs: 0,
      wakesSeen,
    };
    this.#slots.set(slot.key, slot);
    this.#fields.add(want.field);
    return slot;
  }

  /** The frame of a slot went out; op, uid and version of the slot say what it held. */
  sent(slot: Slot, msgId: string, bytes: number, nowMs: number): void {
    slot.state = "sent";
    slot.msgId = msgId;
    slot.bytes = bytes;
    slot.sentAtMs = nowMs;
    this.#overdue.delete(msgId);
    this.#byId.set(msgId, slot);
    this.#bytes += bytes;
  }

  /** The frame was acknowledged. @returns its slot, which waits for `release`, or undefined when it matches nothing */
  acknowledge(msgId: string): Slot | undefined {
    const slot = this.#byId.get(msgId) ?? this.#revive(msgId);
    if (slot === undefined) return undefined;
    this.#unsend(slot);
    slot.state = "settling";
    return slot;
  }

  /** Takes a slot out: recorded, failed, or given up. */
  release(slot: Slot): void {
    this.#unsend(slot);
    if (this.#slots.get(slot.key) !== slot) return;
    this.#slots.delete(slot.key);
    this.#fields.delete(slot.want.field);
  }

  /** The slot of a frame that was sent and not acknowledged. */
  find(msgId: string): Slot | undefined {
    return this.#byId.get(msgId);
  }

  /** Takes out the frames that were sent before `sinceMs`. They can still be acknowledged. */
  expire(sinceMs: number): Slot[] {
    const expired: Slot[] = [];
    // In order of sending, so the first young one ends it.
    for (const slot of this.#byId.values()) {
      if (slot.sentAtMs > sinceMs) break;
      expired.push(slot);
    }
    for (const slot of expired) {
      this.release(slot);
      this.#remember(slot);
    }
    return expired;
  }

  /** When the oldest unacknowledged frame was sent, or Infinity. */
  oldestSentMs(): number {
    for (const slot of this.#byId.values()) return slot.sentAtMs;
    return Infinity;
  }

  #unsend(slot: Slot): void {
    if (this.#byId.delete(slot.msgId)) this.#bytes -= slot.bytes;
  }

  #remember(slot: Slot): void {
    this.#overdue.set(slot.msgId, slot);
    if (this.#overdue.size <= this.#limits.frames) return;
    for (const oldest of this.#overdue.keys()) {
      this.#overdue.delete(oldest);
      return;
    }
  }

  #revive(msgId: string): Slot | undefined {
    const slot = this.#overdue.get(msgId);
    if (slot === undefined) return undefined;
    this.#overdue.delete(msgId);
    // Something newer of this key is on its way: its own acknowledgement counts.
    if (this.#slots.has(slot.key)) return undefined;
    this.#slots.set(slot.key, slot);
    this.#fields.add(slot.want.field);
    return slot;
  }
}

/** What the mailbox is told about an acknowledged slot. */
export const toAcked = (slot: Slot): Acked => ({
  field: slot.want.field,
  token: slot.want.token,
  op: slot.op,
  uid: slot.uid,
  resourceVersion: slot.resourceVersion,
  digest: slot.digest,
});
