// SPDX-License-Identifier: Apache-2.0
import { STREAM_STATUS, StreamError, type StreamErrorCode } from "./errors.ts";
import type { StreamHead } from "./request.ts";

/**
 * Types of frames: one byte, then four bytes of stream id, then the payload. Numbers are big-endian.
 * OPEN and HEAD carry the bytes that their sender will take at first (uint32), then JSON; WINDOW the bytes that it
 * will take on top (uint32); RESET JSON {code, message}. Types from 128 on are for later, and ignored until then.
 *
 * Both ends number the streams that they open from 1 upwards. The highest bit of an id on the wire says that the
 * other end, not the sender of the frame, opened the stream; so the two never collide.
 */
export const FRAME_TYPE = { OPEN: 1, HEAD: 2, DATA: 3, WINDOW: 4, END: 5, RESET: 6 } as const;

/**
 * A frame as its receiver sees it. Ids are signed: above 0 the receiver opened the stream, below 0 the sender did
 * (lowest 31 bits: its number).
 */
export type StreamFrame =
  | { readonly type: "open"; readonly id: number; readonly creditBytes: number; readonly request: unknown }
  | { readonly type: "head"; readonly id: number; readonly creditBytes: number; readonly head: StreamHead }
  | { readonly type: "data"; readonly id: number; readonly payload: Buffer }
  | { readonly type: "window"; readonly id: number; readonly creditBytes: number }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "reset"; readonly id: number; readonly error: StreamError };

/** A message that is no frame: the peer is broken, or no peer of ours. */
export class StreamFrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StreamFrameError";
  }
}

const HEAD_BYTES = 5;
const CREDIT_BYTES = 4;
const OTHER_END = 0x80000000;
const FIRST_IGNORED_TYPE = 128;
const MAX_MESSAGE_CHARS = 1024;

/** The number that the opener of a stream gave it. */
export const streamNumber = (id: number): number => id & 0x7fffffff;

/** The id, at the receiver, of the stream that the other end opened as this number. */
export const idOfPeer = (number: number): number => number | OTHER_END;

/** The first bytes of a frame; the whole of END, and all of DATA but its payload. */
export function frameHead(type: number, id: number, moreBytes = 0): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES + moreBytes);
  head.writeUInt8(type, 0);
  head.writeInt32BE(id, 1);
  return head;
}

/** WINDOW: this many more bytes may come. */
export function encodeWindow(id: number, creditBytes: number): Buffer {
  const frame = frameHead(FRAME_TYPE.WINDOW, id, CREDIT_BYTES);
  frame.writeUInt32BE(creditBytes, HEAD_BYTES);
  return frame;
}

const withText = (type: number, id: number, value: unknown): Buffer => {
  const text = JSON.stringify(value);
  const frame = frameHead(type, id, Buffer.byteLength(text));
  frame.write(text, HEAD_BYTES);
  return frame;
};

/**
 * OPEN or HEAD.
 *
 * @returns undefined when the text is longer than allowed
 */
export function encodeText(
  type: typeof FRAME_TYPE.OPEN | typeof FRAME_TYPE.HEAD,
  id: number,
  value: unknown,
  limits: { readonly windowBytes: number; readonly maxTextBytes: number },
): Buffer | undefined {
  const text = JSON.stringify(value);
  const textBytes = Buffer.byteLength(text);
  if (textBytes > limits.maxTextBytes) return undefined;
  const frame = frameHead(type, id, CREDIT_BYTES + textBytes);
  frame.writeUInt32BE(limits.windowBytes, HEAD_BYTES);
  frame.write(text, HEAD_BYTES + CREDIT_BYTES);
  return frame;
}

/** RESET: the stream is over, and why. A message is cut to what a person reads. */
export const encodeReset = (id: number, error: StreamError): Buffer =>
  withText(FRAME_TYPE.RESET, id, { code: error.code, message: error.message.slice(0, MAX_MESSAGE_CHARS) });

/**
 * Reads one message. The payload of DATA is a view of it, not a copy.
 *
 * @returns undefined for a type of later versions
 * @throws {StreamFrameError} when it is malformed
 */
export function decodeStreamFrame(message: Buffer, maxTextBytes: number): StreamFrame | undefined {
  if (message.length < HEAD_BYTES) throw new StreamFrameError("shorter than a frame");
  const type = message.readUInt8(0);
  if (type >= FIRST_IGNORED_TYPE) return undefined;
  const id = message.readInt32BE(1) ^ OTHER_END;
  if (streamNumber(id) === 0) throw new StreamFrameError("stream id 0");
  if (type === FRAME_TYPE.DATA) return { type: "data", id, payload: message.subarray(HEAD_BYTES) };
  if (type === FRAME_TYPE.OPEN && id > 0) throw new StreamFrameError("open of a stream of the other side");
  return decodeRest(type, id, message, maxTextBytes);
}

function decodeRest(type: number, id: number, message: Buffer, maxTextBytes: number): StreamFrame {
  switch (type) {
    case FRAME_TYPE.WINDOW:
      if (message.length !== HEAD_BYTES + CREDIT_BYTES)
        throw new StreamFrameError("window of a wrong length");
      return { type: "window", id, creditBytes: message.readUInt32BE(HEAD_BYTES) };
    case FRAME_TYPE.END:
      return { type: "end", id };
    case FRAME_TYPE.OPEN:
      return {
        type: "open",
        id,
        creditBytes: credit(message),
        request: text(message, HEAD_BYTES + CREDIT_BYTES, maxTextBytes),
      };
    case FRAME_TYPE.HEAD:
      return {
        type: "head",
        id,
        creditBytes: credit(message),
        head: toHead(text(message, HEAD_BYTES + CREDIT_BYTES, maxTextBytes)),
      };
    case FRAME_TYPE.RESET:
      return { type: "reset", id, error: toError(text(message, HEAD_BYTES, maxTextBytes)) };
    default:
      throw new StreamFrameError(`unknown frame type ${type}`);
  }
}

function credit(message: Buffer): number {
  if (message.length < HEAD_BYTES + CREDIT_BYTES) throw new StreamFrameError("shorter than its window");
  return message.readUInt32BE(HEAD_BYTES);
}

function text(message: Buffer, from: number, maxTextBytes: number): unknown {
  if (message.length - from > maxTextBytes) throw new StreamFrameError("longer than allowed");
  try {
    return JSON.parse(message.toString("utf8", from));
  } catch {
    throw new StreamFrameError("not JSON");
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** It becomes a header of HTTP, which takes no other characters. */
const CONTENT_TYPE = /^[\t\x20-\x7e]{1,256}$/;

function toHead(value: unknown): StreamHead {
  if (!isObject(value)) throw new StreamFrameError("head is no object");
  const { contentType } = value;
  if (contentType === undefined) return {};
  if (typeof contentType !== "string") throw new StreamFrameError("content type is no string");
  if (!CONTENT_TYPE.test(contentType)) throw new StreamFrameError("content type is no header of HTTP");
  return { contentType };
}

const isCode = (code: string): code is StreamErrorCode => Object.hasOwn(STREAM_STATUS, code);

/** A code of a later version is an INTERNAL error to us; its message still tells. */
function toError(value: unknown): StreamError {
  if (!isObject(value) || typeof value["code"] !== "string" || typeof value["message"] !== "string") {
    throw new StreamFrameError("reset without code and message");
  }
  return new StreamError(isCode(value["code"]) ? value["code"] : "INTERNAL", value["message"]);
}
