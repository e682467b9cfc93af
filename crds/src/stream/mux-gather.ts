// SPDX-License-Identifier: Apache-2.0

const BLOCK_BYTES = 16 * 1024;
const SMALL_BYTES = 4 * 1024;

/**
 * Copies small payloads together while their reader is behind. A payload is a view of what was read from the
 * network, so a window full of single bytes would hold a thousand times its size.
 */
export class Gather {
  #block: Buffer | undefined;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  takes(payload: Buffer): boolean {
    return payload.length < SMALL_BYTES;
  }

  /** @returns what was gathered before, when the payload did not fit to it */
  add(payload: Buffer): Buffer | undefined {
    const full = this.#bytes + payload.length > BLOCK_BYTES ? this.flush() : undefined;
    this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#bytes += payload.copy(this.#block, this.#bytes);
    return full;
  }

  flush(): Buffer | undefined {
    const gathered = this.#block?.subarray(0, this.#bytes);
    this.#block = undefined;
    this.#bytes = 0;
    return gathered;
  }
}
