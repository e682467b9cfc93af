// SPDX-License-Identifier: Apache-2.0

const FIN_AND_OPCODE_BYTES = 2;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASKED = 0x80;
const CONTROL = 0x08;

/** Passes bytes of a WebSocket on, all but what is too much. */
export type MessageCap = (chunk: Buffer) => Buffer[];

/**
 * Makes messages on a WebSocket at most `maxBytes` long by leaving out what follows, so that one which is far too
 * long ends its own stream and not the whole connection. Choose `maxBytes` above what is well formed: who finds a
 * message of exactly that length knows that it was too long (S6).
 *
 * @param maxBytes of one message, all its fragments together
 * @returns takes the bytes of one direction after the upgrade, in order
 */
export function createMessageCap(maxBytes: number): MessageCap {
  const state = { head: Buffer.alloc(0), passBytes: 0, dropBytes: 0, messageBytes: 0 };
  /** @returns the head to pass on, once it is whole */
  const takeHead = (): Buffer | undefined => {
    const headBytes = headLength(state.head);
    if (state.head.length < headBytes) return undefined;
    const { head } = state;
    state.head = Buffer.alloc(0);
    const lengthBytes = payloadLength(head);
    const isControl = ((head[0] ?? 0) & CONTROL) !== 0;
    if (((head[0] ?? 0) & 0x0f) !== 0 && !isControl) state.messageBytes = 0;
    state.passBytes = isControl ? lengthBytes : Math.min(lengthBytes, maxBytes - state.messageBytes);
    state.dropBytes = lengthBytes - state.passBytes;
    if (!isControl) state.messageBytes += state.passBytes;
    return state.dropBytes === 0 ? head : withLength(head, state.passBytes);
  };
  const step = (chunk: Buffer, out: Buffer[]): number => {
    if (state.passBytes > 0) {
      const part = chunk.subarray(0, state.passBytes);
      state.passBytes -= part.length;
      out.push(part);
      return part.length;
    }
    if (state.dropBytes > 0) {
      const bytes = Math.min(chunk.length, state.dropBytes);
      state.dropBytes -= bytes;
      return bytes;
    }
    const missing = Math.max(FIN_AND_OPCODE_BYTES, headLength(state.head)) - state.head.length;
    const part = chunk.subarray(0, missing);
    state.head = Buffer.concat([state.head, part]);
    const head = takeHead();
    if (head !== undefined) out.push(head);
    return part.length;
  };
  return (chunk) => {
    const out: Buffer[] = [];
    for (let offset = 0; offset < chunk.length;) offset += step(chunk.subarray(offset), out);
    return out;
  };
}

const lengthCode = (head: Buffer): number => (head[1] ?? 0) & 0x7f;
const maskBytes = (head: Buffer): number => ((head[1] ?? 0) & MASKED ? 4 : 0);

/** How long the whole head is, as far as its first bytes say. */
function headLength(head: Buffer): number {
  if (head.length < FIN_AND_OPCODE_BYTES) return FIN_AND_OPCODE_BYTES;
  const code = lengthCode(head);
  const extended = code === LENGTH_64 ? 8 : code === LENGTH_16 ? 2 : 0;
  return FIN_AND_OPCODE_BYTES + extended + maskBytes(head);
}

function payloadLength(head: Buffer): number {
  const code = lengthCode(head);
  if (code === LENGTH_64) return Number(head.readBigUInt64BE(FIN_AND_OPCODE_BYTES));
  return code === LENGTH_16 ? head.readUInt16BE(FIN_AND_OPCODE_BYTES) : code;
}

/** The same head with another length, in the form that holds any. */
function withLength(head: Buffer, bytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes));
  const start = Buffer.from([head[0] ?? 0, ((head[1] ?? 0) & MASKED) | LENGTH_64]);
  return Buffer.concat([start, length, head.subarray(head.length - maskBytes(head))]);
}
