// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";

/** Reads the lengths of MQTT packets as their bytes go by; keeps none of them. */
export class PacketLengths {
  readonly #maxBytes: number;
  /** bytes of the packet that are still to come; undefined within a fixed header */
  #left: number | undefined;
  #length = 0;
  #lengthBytes = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False once a packet is longer than allowed, or its length is none. */
  accepts(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length;) {
      if (this.#left === undefined) {
        if (!this.#header(chunk[at] ?? 0)) return false;
        at++;
      } else {
        const taken = Math.min(this.#left, chunk.length - at);
        at += taken;
        this.#consume(taken);
      }
    }
    return true;
  }

  #consume(bytes: number): void {
    const left = (this.#left ?? 0) - bytes;
    this.#left = left > 0 ? left : undefined;
  }

  /** The type first, then up to four bytes of seven bits each, the lowest first. */
  #header(byte: number): boolean {
    if (this.#lengthBytes < 0) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes++;
    if (this.#length > this.#maxBytes) return false;
    if (byte >= 0x80) return this.#lengthBytes < 4;
    this.#lengthBytes = -1;
    this.#left = this.#length > 0 ? this.#length : undefined;
    return true;
  }
}

/**
 * Ends a connection before a packet that is too long is gathered in memory: the broker's own parser has no limit, so
 * what it reads is looked at first.
 */
export function guardSocket(socket: Socket, maxPacketBytes: number, onTooLong: () => void): void {
  const lengths = new PacketLengths(maxPacketBytes);
  const read = socket.read.bind(socket) as (size?: number) => unknown;
  socket.read = (size?: number): unknown => {
    const chunk = read(size);
    if (!(chunk instanceof Uint8Array) || lengths.accepts(chunk)) return chunk;
    onTooLong();
    socket.destroy();
    return null;
  };
}
