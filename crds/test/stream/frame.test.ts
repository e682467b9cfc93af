// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { StreamError, type StreamErrorCode } from "../../src/stream/errors.ts";
import {
  decodeStreamFrame,
  encodeReset,
  encodeText,
  encodeWindow,
  FRAME_TYPE,
  frameHead,
  idOfPeer,
  streamNumber,
  StreamFrameError,
} from "../../src/stream/frame.ts";

const MAX_TEXT_BYTES = 1000;
const LIMITS = { windowBytes: 4096, maxTextBytes: MAX_TEXT_BYTES };
const decode = (message: Buffer) => decodeStreamFrame(message, MAX_TEXT_BYTES);
const number = fc.integer({ min: 1, max: 0x7fffffff });
const bytes = (...values: (number | string)[]): Buffer =>
  Buffer.concat(
    values.map((value) => (typeof value === "string" ? Buffer.from(value) : Buffer.from([value]))),
  );

describe("stream frames", () => {
  it("say at the receiver who opened the stream", () => {
    fc.assert(
      fc.property(number, (n) => {
        expect(decode(frameHead(FRAME_TYPE.END, n))).toEqual({ type: "end", id: idOfPeer(n) });
        expect(decode(frameHead(FRAME_TYPE.END, idOfPeer(n)))).toEqual({ type: "end", id: n });
        expect(idOfPeer(n)).toBeLessThan(0);
        expect(streamNumber(idOfPeer(n))).toBe(n);
      }),
    );
  });

  it("carry any request as it is", () => {
    fc.assert(
      fc.property(number, fc.json({ maxDepth: 2 }), (n, json) => {
        const request: unknown = JSON.parse(json);
        const frame = encodeText(FRAME_TYPE.OPEN, n, request, { ...LIMITS, maxTextBytes: 1e6 })!;
        expect(decodeStreamFrame(frame, 1e6)).toEqual({
          type: "open",
          id: idOfPeer(n),
          creditBytes: 4096,
          request,
        });
      }),
    );
  });

  it("carry data without copying it", () => {
    const message = bytes(FRAME_TYPE.DATA, 0, 0, 0, 1, "abc");
    const frame = decode(message);
    expect(frame).toEqual({ type: "data", id: idOfPeer(1), payload: Buffer.from("abc") });
    message[5] = 0x7a;
    expect(frame).toMatchObject({ payload: Buffer.from("zbc") });
  });

  it("carry the window that is granted", () => {
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 0xffffffff }), (n, creditBytes) => {
        expect(decode(encodeWindow(n, creditBytes))).toEqual({
          type: "window",
          id: idOfPeer(n),
          creditBytes,
        });
      }),
    );
  });

  it("carry the head of an answer, and leave out what they do not know", () => {
    const head = { contentType: "text/plain", later: 1 };
    expect(decode(encodeText(FRAME_TYPE.HEAD, 1, head, LIMITS)!)).toMatchObject({
      head: { contentType: "text/plain" },
    });
    expect(decode(encodeText(FRAME_TYPE.HEAD, 1, {}, LIMITS)!)).toMatchObject({ head: {} });
  });

  it.each<[string, StreamErrorCode]>([
    ["NOT_FOUND", "NOT_FOUND"],
    ["CANCELLED", "CANCELLED"],
    ["OF_A_LATER_VERSION", "INTERNAL"],
    ["toString", "INTERNAL"],
  ])("read the reset %s as %s", (code, want) => {
    const frame = decode(bytes(FRAME_TYPE.RESET, 0, 0, 0, 1, JSON.stringify({ code, message: "gone" })));
    expect(frame).toMatchObject({ type: "reset", error: { code: want, message: "gone" } });
  });

  it("cut a message that is too long to read", () => {
    const frame = decodeStreamFrame(encodeReset(1, new StreamError("INTERNAL", "x".repeat(1e6))), 2000);
    expect(frame).toMatchObject({ error: { message: "x".repeat(1024) } });
  });

  it.each([128, 200, 255])("are ignored when their type %d is of a later version", (type) => {
    expect(decode(bytes(type, 0, 0, 0, 1, "whatever"))).toBeUndefined();
  });

  it.each([
    ["nothing", bytes()],
    ["half a head", bytes(FRAME_TYPE.DATA, 0, 0, 0)],
    ["type 0", bytes(0, 0, 0, 0, 1)],
    ["type 7", bytes(7, 0, 0, 0, 1)],
    ["type 127", bytes(127, 0, 0, 0, 1)],
    ["stream 0", bytes(FRAME_TYPE.DATA, 0, 0, 0, 0)],
    ["stream 0 of the other side", bytes(FRAME_TYPE.DATA, 0x80, 0, 0, 0)],
    ["open of the other side's stream", bytes(FRAME_TYPE.OPEN, 0x80, 0, 0, 1, 0, 0, 0, 1, "{}")],
    ["open without window", bytes(FRAME_TYPE.OPEN, 0, 0, 0, 1, "{}")],
    ["open without text", bytes(FRAME_TYPE.OPEN, 0, 0, 0, 1, 0, 0, 0, 1)],
    ["open with bad JSON", bytes(FRAME_TYPE.OPEN, 0, 0, 0, 1, 0, 0, 0, 1, "{")],
    ["open that is too long", bytes(FRAME_TYPE.OPEN, 0, 0, 0, 1, 0, 0, 0, 1, `"${"x".repeat(999)}"`)],
    ["head that is no object", bytes(FRAME_TYPE.HEAD, 0x80, 0, 0, 1, 0, 0, 0, 1, "[]")],
    ["head with a number as type", bytes(FRAME_TYPE.HEAD, 0x80, 0, 0, 1, 0, 0, 0, 1, '{"contentType":1}')],
    ...["", "a\r\nb: c", "\u{1f600}", "x".repeat(257)].map((contentType): [string, Buffer] => [
      `head with the type ${JSON.stringify(contentType).slice(0, 20)}`,
      bytes(FRAME_TYPE.HEAD, 0x80, 0, 0, 1, 0, 0, 0, 1, JSON.stringify({ contentType })),
    ]),
    ["short window", bytes(FRAME_TYPE.WINDOW, 0, 0, 0, 1, 0, 0, 1)],
    ["long window", bytes(FRAME_TYPE.WINDOW, 0, 0, 0, 1, 0, 0, 0, 0, 1)],
    ["reset without text", bytes(FRAME_TYPE.RESET, 0, 0, 0, 1)],
    ["reset without code", bytes(FRAME_TYPE.RESET, 0, 0, 0, 1, '{"message":"x"}')],
    ["reset without message", bytes(FRAME_TYPE.RESET, 0, 0, 0, 1, '{"code":"INTERNAL"}')],
    ["reset of null", bytes(FRAME_TYPE.RESET, 0, 0, 0, 1, "null")],
  ])("are refused: %s", (_what, message) => {
    expect(() => decode(message)).toThrow(StreamFrameError);
  });

  it("never fail otherwise, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
        try {
          decode(Buffer.from(message));
        } catch (error) {
          expect(error).toBeInstanceOf(StreamFrameError);
        }
      }),
    );
  });

  it("are not made when their text is too long", () => {
    expect(encodeText(FRAME_TYPE.OPEN, 1, "é".repeat(500), LIMITS)).toBeUndefined();
    expect(encodeText(FRAME_TYPE.OPEN, 1, "é".repeat(499), LIMITS)).toBeDefined();
  });
});
