// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { BusMessage } from "./bus.ts";

/** Messages of one connection that are remembered: more than a broker or a client sends again at once. */
const MAX_REMEMBERED = 256;

/** A message as it came in a packet. */
export interface Delivery extends BusMessage {
  readonly messageId?: number | undefined;
  readonly isDuplicate: boolean;
}

const digestOf = ({ topic, payload }: BusMessage): string =>
  createHash("sha1").update(topic).update("\0").update(payload).digest("base64");

/** Tells a packet that is sent again from a new one that happens to have the same id. */
export class Recent {
  readonly #done = new Map<number, string>();

  /** True where this very packet was done already: it is sent again because its acknowledgement got lost. */
  has(delivery: Delivery): boolean {
    if (!delivery.isDuplicate || delivery.messageId === undefined) return false;
    return this.#done.get(delivery.messageId) === digestOf(delivery);
  }

  done(delivery: Delivery): void {
    if (delivery.messageId === undefined || delivery.qos === 0) return;
    this.#done.delete(delivery.messageId);
    this.#done.set(delivery.messageId, digestOf(delivery));
    const oldest = this.#done.keys().next();
    if (this.#done.size > MAX_REMEMBERED && oldest.done !== true) this.#done.delete(oldest.value);
  }
}
