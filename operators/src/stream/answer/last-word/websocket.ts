// SPDX-License-Identifier: Apache-2.0
import type { Frames } from "./frames.ts";

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const OPCODE = { continuation: 0, binary: 2, close: 8 } as const;
/** Channels are 0 stdin, 1 stdout, 2 stderr, 3 errors, 4 resize: the first byte of each message. */
const ERROR_CHANNEL = 3;
/** Ends the message that is not whole yet: of an output it is the end that there is. */
const END_OF_MESSAGE = Buffer.from([FIN, 0]);
/** 1000: with any other code the client takes that for the failure, and forgets what it was told. */
const CLOSE = Buffer.from([FIN | OPCODE.close, 2, 0x03, 0xe8]);

/** WebSocket (RFC 6455) from a server, without extensions, in the binary channels of a command. */
export class WebSocketFrames implements Frames {
  #isSaid = false;
  #isInMessage = false;
  /** of the message that is not whole yet */
  #channel: number | undefined;

  sizeOf(header: Buffer, length: number): number | undefined {
    const headBytes = headBytesOf(header, length);
    if (headBytes === undefined) return undefined;
    const payload = payloadOf(header, headBytes);
    // The first byte of a message is its channel.
    const isToCome = length === headBytes && payload > 0 && payload < Infinity;
    return isToCome ? undefined : headBytes + payload;
  }

  passed(header: Buffer): void {
    const first = header.readUInt8(0);
    const opcode = first & 0x0f;
    if (opcode === OPCODE.close) this.#isSaid = true;
    if (opcode >= OPCODE.close) return; // control frames come between those of a message
    const headBytes = headBytesOf(header, header.length) ?? 0;
    if (opcode !== OPCODE.continuation) this.#channel = undefined;
    this.#passedData(header.readUInt8(headBytes), payloadOf(header, headBytes));
    this.#isInMessage = (first & FIN) === 0;
  }

  lastWord(failure: Buffer): Buffer | undefined {
    if (this.#isSaid) return undefined;
    const before = this.#isInMessage ? [END_OF_MESSAGE] : [];
    return Buffer.concat([
      ...before,
      binaryHead(failure.length + 1),
      Buffer.from([ERROR_CHANNEL]),
      failure,
      CLOSE,
    ]);
  }

  #passedData(firstByte: number, payload: number): void {
    if (payload === 0) return;
    const said = this.#channel === undefined ? payload - 1 : payload;
    this.#channel ??= firstByte;
    // An empty message opens a channel, and says nothing.
    this.#isSaid ||= this.#channel === ERROR_CHANNEL && said > 0;
  }
}

function headBytesOf(header: Buffer, length: number): number | undefined {
  if (length < 2) return undefined;
  const short = header.readUInt8(1) & ~MASKED;
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
  return length < headBytes ? undefined : headBytes;
}

function payloadOf(header: Buffer, headBytes: number): number {
  // Not what a server sends without extensions.
  if ((header.readUInt8(0) & RESERVED) !== 0 || (header.readUInt8(1) & MASKED) !== 0) return Infinity;
  if (headBytes === 2) return header.readUInt8(1);
  return headBytes === 4 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
}

function binaryHead(length: number): Buffer {
  const first = FIN | OPCODE.binary;
  if (length < 126) return Buffer.from([first, length]);
  const head = Buffer.from([first, 126, 0, 0]);
  head.writeUInt16BE(length, 2);
  return head;
}
