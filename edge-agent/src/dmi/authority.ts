// SPDX-License-Identifier: Apache-2.0
/*
 * grpc-go before 1.57 writes the path of the socket as `:authority`, and so do the mappers that are built with it.
 * HTTP/2 forbids that, and the library that reads it here resets the call before any code of ours sees it. Nobody
 * needs the value: so each is replaced in the bytes by as many letters, which leaves the size of every entry of
 * HPACK's table, and so both ends' tables, as they are. What cannot be read is passed on, for the library to judge.
 */

/** Codes of each length, from the code of RFC 7541, appendix B; it is canonical, so that no table is needed to count. */
const CODES_OF_LENGTH: Readonly<Partial<Record<number, number>>> = {
  5: 10,
  6: 26,
  7: 32,
  8: 6,
  10: 5,
  11: 3,
  12: 2,
  13: 6,
  14: 2,
  15: 3,
  19: 3,
  20: 8,
  21: 13,
  22: 26,
  23: 29,
  24: 12,
  25: 4,
  26: 15,
  27: 19,
  28: 29,
  30: 4,
};
const LONGEST_CODE = 30;
/** Index of `:authority` in HPACK's static table. */
const AUTHORITY_INDEX = 1;
/** The letter `a`: of the shortest codes, so that no value grows. */
const LETTER = { code: 0b00011, bits: 5 };

class Unreadable extends Error {}

/** Letters of a text in Huffman's code. @throws {Unreadable} */
function lettersIn(bytes: Uint8Array): number {
  let count = 0;
  let [code, length, first] = [0, 0, 0];
  for (let i = 0; i < bytes.length * 8; i++) {
    code = (code << 1) | (((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
    length++;
    first <<= 1;
    const codes = CODES_OF_LENGTH[length] ?? 0;
    if (code - first < codes) {
      count++;
      [code, length, first] = [0, 0, 0];
    } else first += codes;
    if (length >= LONGEST_CODE) throw new Unreadable();
  }
  return count; // what is left is padding
}

/** As many letters `a`, in Huffman's code. */
function letters(count: number): Buffer {
  const bits = LETTER.code.toString(2).padStart(LETTER.bits, "0").repeat(count);
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** An integer of HPACK, in the low bits of its first byte and in those after it. */
function integer(value: number, prefixBits: number, highBits: number): Buffer {
  const most = (1 << prefixBits) - 1;
  if (value < most) return Buffer.of(highBits | value);
  const bytes = [highBits | most];
  let rest = value - most;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Reads a block of headers, one representation after the other. */
class Block {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.at < this.#bytes.length;
  }

  peek(): number {
    return this.#bytes[this.at] ?? 0;
  }

  integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.#byte();
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Unreadable(); // more than a frame holds
  }

  text(): { readonly isCoded: boolean; readonly bytes: Buffer } {
    const isCoded = this.peek() >= 128;
    const length = this.integer(7);
    const bytes = this.#bytes.subarray(this.at, this.at + length);
    if (bytes.length < length) throw new Unreadable();
    this.at += length;
    return { isCoded, bytes };
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Unreadable();
    return byte;
  }
}

/** Passes one representation, and says where the value of an `:authority` is in it. */
function pass(block: Block): { readonly from: number; readonly count: number } | undefined {
  const first = block.peek();
  if (first >= 0x80) {
    block.integer(7); // both from the table
    return undefined;
  }
  if (first >= 0x20 && first < 0x40) {
    block.integer(5); // the size of the table
    return undefined;
  }
  const index = block.integer(first >= 0x40 ? 6 : 4);
  const name = index === 0 ? block.text().bytes.toString("latin1") : "";
  const from = block.at;
  const { isCoded, bytes } = block.text();
  if (index !== AUTHORITY_INDEX && name !== ":authority") return undefined;
  return { from, count: isCoded ? lettersIn(bytes) : bytes.length };
}

/** The block of headers with every `:authority` in letters; the same where there is none, or it cannot be read. */
export function plainAuthority(bytes: Buffer): Buffer {
  const block = new Block(bytes);
  const parts: Buffer[] = [];
  let kept = 0;
  try {
    while (block.hasMore) {
      const found = pass(block);
      if (found === undefined) continue;
      const value = letters(found.count);
      parts.push(bytes.subarray(kept, found.from), integer(value.length, 7, 0x80), value);
      kept = block.at;
    }
  } catch (error) {
    if (error instanceof Unreadable) return bytes;
    throw error;
  }
  return kept === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(kept)]);
}
