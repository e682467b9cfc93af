// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createMessageCap } from "../../../src/stream/legacy/message-cap.ts";

interface WsFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}
const MASK = Buffer.from([1, 2, 3, 4]);
const CAP = 200;

function frameBytes({ fin, opcode, payload }: WsFrame, masked: boolean): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const flag = masked ? 0x80 : 0;
  const { length } = payload;
  let head = Buffer.from([first, flag | length]);
  if (length > 65_535) {
    head = Buffer.from([first, flag | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeBigUInt64BE(BigInt(length), 2);
  } else if (length > 125) {
    head = Buffer.from([first, flag | 126, 0, 0]);
    head.writeUInt16BE(length, 2);
  }
  return Buffer.concat([head, masked ? MASK : Buffer.alloc(0), payload]);
}

/** Reads frames as they are; masks stay on. */
function parse(bytes: Buffer): WsFrame[] {
  const frames: WsFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at + 1]! & 0x7f;
    const masked = (bytes[at + 1]! & 0x80) !== 0;
    const length =
      code === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : code === 126 ? bytes.readUInt16BE(at + 2) : code;
    const start = at + 2 + (code === 127 ? 8 : code === 126 ? 2 : 0) + (masked ? 4 : 0);
    if (masked) expect(bytes.subarray(start - 4, start)).toEqual(MASK);
    frames.push({
      fin: bytes[at]! >= 0x80,
      opcode: bytes[at]! & 0x0f,
      payload: bytes.subarray(start, start + length),
    });
    expect(start + length).toBeLessThanOrEqual(bytes.length);
    at = start + length;
  }
  return frames;
}

function throughCap(bytes: Buffer, cuts: readonly number[]): Buffer {
  const cap = createMessageCap(CAP);
  const out: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.min(bytes.length, cut);
    if (end > at) out.push(...cap(bytes.subarray(at, end)));
    at = Math.max(at, end);
  }
  return Buffer.concat([...out, ...cap(bytes.subarray(at))]);
}

const payload = fc.integer({ min: 0, max: 70_000 }).map((length) => Buffer.alloc(length, "x"));
const control = fc.constantFrom(8, 9, 10).map((opcode): WsFrame => ({
  fin: true,
  opcode,
  payload: Buffer.from("ping you"),
}));
/** A message of several fragments, with control frames between them. */
const message = fc.array(fc.tuple(payload, fc.option(control)), { minLength: 1, maxLength: 4 }).map((parts) =>
  parts.flatMap(([bytes, between], i): WsFrame[] => {
    const frame = { fin: i === parts.length - 1, opcode: i === 0 ? 1 : 0, payload: bytes };
    return between === null || frame.fin ? [frame] : [frame, between];
  }),
);

describe("the cap of messages", () => {
  it("S6 shortens what is too long and passes all else, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.boolean(),
        fc.array(fc.nat(300_000), { maxLength: 20 }),
        (messages, masked, cuts) => {
          const bytes = Buffer.concat(messages.flat().map((frame) => frameBytes(frame, masked)));
          let left = CAP;
          const expected = messages.flat().map((frame) => {
            if (frame.opcode >= 8) return frame;
            if (frame.opcode !== 0) left = CAP;
            const short = frame.payload.subarray(0, left);
            left -= short.length;
            return { ...frame, payload: short };
          });
          expect(parse(throughCap(bytes, cuts))).toEqual(expected);
        },
      ),
    );
  });

  it("leaves the bytes of what fits as they are, one at a time too", () => {
    const bytes = Buffer.concat([
      frameBytes({ fin: true, opcode: 1, payload: Buffer.alloc(CAP, "y") }, true),
      frameBytes({ fin: true, opcode: 9, payload: Buffer.alloc(0) }, true),
    ]);
    const cuts = Array.from({ length: bytes.length }, (_, i) => i);
    expect(throughCap(bytes, cuts).equals(bytes)).toBe(true);
  });

  it("S6 holds nothing of a message of 64 MiB", () => {
    const cap = createMessageCap(CAP);
    const head = Buffer.from([0x81, 127, 0, 0, 0, 0, 4, 0, 0, 0]);
    let passed = cap(head).reduce((sum, part) => sum + part.length, 0);
    const chunk = Buffer.alloc(65_536);
    for (let i = 0; i < 1024; i++) for (const part of cap(chunk)) passed += part.length;
    expect(passed).toBe(10 + CAP);
    expect(Buffer.concat(cap(Buffer.from([0x81, 1, 0x61])))).toEqual(Buffer.from([0x81, 1, 0x61]));
  });
});
