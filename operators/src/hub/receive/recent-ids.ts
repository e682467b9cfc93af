// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

/** Remembers the last message ids of one session with a checksum of their bytes (B60). */
export class RecentIds {
  readonly #limit: number;
  readonly #sums = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns false when the id was used for another message; the same message again is fine */
  accept(id: string, message: Buffer): boolean {
    const sum = crc32(message);
    const known = this.#sums.get(id);
    if (known !== undefined) return known === sum;
    this.#sums.set(id, sum);
    if (this.#sums.size > this.#limit) {
      const oldest = this.#sums.keys().next();
      if (oldest.done !== true) this.#sums.delete(oldest.value);
    }
    return true;
  }
}
