// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";

/** Pulls bytes out of a stream in the pieces that a parser asks for. */
export interface ByteSource {
  /** So many bytes; undefined when the stream is at its end. @throws {ArtefactFault} HOSTILE when it ends within them */
  exactly(count: number): Promise<Buffer | undefined>;
  /** Some bytes, at most so many. @throws {ArtefactFault} HOSTILE when there are none */
  some(atMost: number): Promise<Buffer>;
}

/**
 * @param maxBytes what the whole stream may have
 * @throws {ArtefactFault} ROOM, out of the methods, when it has more
 */
export function createByteSource(chunks: AsyncIterable<Uint8Array>, maxBytes: number): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let total = 0;

  async function more(): Promise<boolean> {
    const next = await iterator.next();
    if (next.done === true) return false;
    total += next.value.length;
    if (total > maxBytes)
      throw new ArtefactFault("ROOM", `the archive unpacks to more than ${maxBytes} bytes`);
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    return true;
  }

  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };

  return {
    exactly: async (count) => {
      while (held.length < count) {
        if (await more()) continue;
        if (held.length === 0) return undefined;
        throw truncated();
      }
      return take(count);
    },
    some: async (atMost) => {
      while (held.length === 0) if (!(await more())) throw truncated();
      return take(Math.min(atMost, held.length));
    },
  };
}

export const truncated = (): ArtefactFault => new ArtefactFault("HOSTILE", "the archive ends too early");
