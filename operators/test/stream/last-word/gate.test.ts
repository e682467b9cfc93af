// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { StreamError } from "@longshore/crds/stream";
import fc from "fast-check";
import {
  failureStatus,
  failureText,
  GATE_LIMITS,
  LastWordGate,
} from "../../../src/stream/answer/last-word/index.ts";
import {
  channel,
  cut,
  SPDY_HEAD,
  spdyControl,
  spdyData,
  WEBSOCKET_HEAD,
  webSocket,
  type Sent,
} from "./frames.ts";

const FAILURE = failureStatus('the connection to node "edge-1" was lost');
const SPDY_WORD = spdyData(1, FAILURE, 1);
const WEBSOCKET_WORD = Buffer.concat([
  webSocket(Buffer.concat([Buffer.from([3]), FAILURE])),
  Buffer.from([0x88, 2, 0x03, 0xe8]),
]);
const NONE = Buffer.alloc(0);

/** What leaves a gate that all of this went through, and what it says then. */
function through(
  chunks: readonly (Buffer | string)[],
  gate = new LastWordGate(),
): { out: Buffer; word: Buffer } {
  const out = Buffer.concat(chunks.flatMap((chunk) => gate.pass(Buffer.from(chunk))));
  return { out, word: gate.lastWord(FAILURE) ?? NONE };
}

describe("the failure", () => {
  it("is a Status that says of which node the connection was lost", () => {
    const text = failureText("edge-1", new StreamError("LOST", "no sign of life"));
    expect(text).toBe('the connection to node "edge-1" was lost');
    expect(JSON.parse(failureStatus(text).toString())).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: text,
      reason: "InternalError",
      code: 500,
    });
  });

  it.each([
    { error: null, want: 'the connection to node "n" was lost' },
    {
      error: new StreamError("INTERNAL", "read ECONNRESET"),
      want: 'the stream of node "n" failed: read ECONNRESET',
    },
  ])("names the node ($want)", ({ error, want }) => {
    expect(failureText("n", error)).toBe(want);
  });

  it("is bounded", () => {
    expect(failureStatus("x".repeat(100_000)).length).toBeLessThan(2_000);
  });
});

describe("a last word in SPDY", () => {
  it.each([
    { when: "nothing but the answer came", frames: [], want: SPDY_WORD },
    { when: "an output came", frames: [spdyData(3, Buffer.from("out"))], want: SPDY_WORD },
    { when: "an output ended", frames: [spdyData(3, NONE, 1)], want: SPDY_WORD },
    { when: "streams were answered", frames: [spdyControl(2, Buffer.alloc(12))], want: SPDY_WORD },
    { when: "an empty frame of errors came", frames: [spdyData(1, NONE)], want: SPDY_WORD },
    { when: "the command's own status came", frames: [spdyData(1, Buffer.from("{}"))], want: NONE },
    { when: "errors ended without one", frames: [spdyData(1, NONE, 1)], want: NONE },
    { when: "the other side said goodbye", frames: [spdyControl(7, Buffer.alloc(8))], want: NONE },
    { when: "it is no SPDY/3.1", frames: [spdyControl(2, NONE, 9)], want: NONE },
  ])("is said as it should be when $when", ({ frames, want }) => {
    const { out, word } = through([SPDY_HEAD, ...frames]);
    expect(out.toString("latin1")).toBe(
      Buffer.concat([Buffer.from(SPDY_HEAD), ...frames]).toString("latin1"),
    );
    expect(word).toEqual(want);
  });

  it("takes the place of a status that came in half", () => {
    const status = spdyData(1, Buffer.from('{"status":"Success"}'), 1);
    const { out, word } = through([SPDY_HEAD, status.subarray(0, -1)]);
    expect(out.toString()).toBe(SPDY_HEAD);
    expect(word).toEqual(SPDY_WORD);
  });
});

describe("a last word in WebSocket", () => {
  const END_OF_MESSAGE = Buffer.from([0x80, 0]);
  const fragment = { isFinal: false };
  const more = { opcode: 0 };

  it.each([
    { when: "nothing but the answer came", frames: [], want: WEBSOCKET_WORD },
    { when: "an output came", frames: [channel(1, "out")], want: WEBSOCKET_WORD },
    { when: "the error channel was opened", frames: [channel(3, "")], want: WEBSOCKET_WORD },
    { when: "a ping came", frames: [webSocket(Buffer.from([3, 3]), { opcode: 9 })], want: WEBSOCKET_WORD },
    { when: "the command's own status came", frames: [channel(3, "{}")], want: NONE },
    {
      when: "that came in fragments",
      frames: [channel(3, "", fragment), webSocket(Buffer.from("{"), { ...more, ...fragment })],
      want: NONE,
    },
    {
      when: "that began with an empty fragment",
      frames: [webSocket(NONE, fragment), channel(3, "{", more)],
      want: NONE,
    },
    { when: "the other side closed", frames: [webSocket(Buffer.from([3, 0xe8]), { opcode: 8 })], want: NONE },
    { when: "it is masked", frames: [Buffer.from([0x82, 0x81, 1, 2, 3, 4, 5])], want: NONE },
    { when: "it is of an extension", frames: [Buffer.from([0xc2, 1, 1])], want: NONE },
    {
      when: "a message is not whole",
      frames: [channel(1, "ou", fragment)],
      want: Buffer.concat([END_OF_MESSAGE, WEBSOCKET_WORD]),
    },
    {
      when: "a ping came between two fragments",
      frames: [channel(1, "ou", fragment), webSocket(NONE, { opcode: 9 })],
      want: Buffer.concat([END_OF_MESSAGE, WEBSOCKET_WORD]),
    },
    {
      when: "the last fragment came",
      frames: [channel(1, "ou", fragment), webSocket(Buffer.from("t"), more)],
      want: WEBSOCKET_WORD,
    },
  ])("is said as it should be when $when", ({ frames, want }) => {
    const { out, word } = through([WEBSOCKET_HEAD, ...frames]);
    expect(out).toEqual(Buffer.concat([Buffer.from(WEBSOCKET_HEAD), ...frames]));
    expect(word).toEqual(want);
  });
});

describe("no last word is said", () => {
  const upgradeTo = (what: string, ...more: string[]): string =>
    ["HTTP/1.1 101 Switching Protocols", `Upgrade: ${what}`, ...more, "", ""].join("\r\n");
  const data = spdyData(3, Buffer.from("output"));
  const half = data.subarray(0, 5);

  it.each([
    { when: "before the answer", head: "" },
    { when: "in the middle of the answer", head: SPDY_HEAD.slice(0, -2) },
    {
      when: "after a refusal",
      head: "HTTP/1.1 403 Forbidden\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n",
    },
    {
      when: "in SPDY of an old protocol",
      head: upgradeTo("SPDY/3.1", "X-Stream-Protocol-Version: v3.channel.k8s.io"),
    },
    { when: "in SPDY without a protocol", head: upgradeTo("SPDY/3.1") },
    { when: "for ports", head: upgradeTo("SPDY/3.1", "X-Stream-Protocol-Version: portforward.k8s.io") },
    {
      when: "in a WebSocket of base64",
      head: upgradeTo("websocket", "Sec-WebSocket-Protocol: base64.channel.k8s.io"),
    },
    {
      when: "in a WebSocket with an extension",
      head: `${WEBSOCKET_HEAD.slice(0, -2)}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`,
    },
    { when: "in another protocol", head: upgradeTo("h2c") },
    {
      when: "after an answer that is too long",
      head: `${SPDY_HEAD.slice(0, -2)}X: ${"x".repeat(GATE_LIMITS.maxHeadBytes)}\r\n\r\n`,
    },
  ])("$when, and all that comes is passed on at once", ({ head }) => {
    const { out, word } = through([head, half]);
    expect(out.toString("latin1")).toBe(head + half.toString("latin1"));
    expect(word).toEqual(NONE);
  });

  it("when a frame is longer than is waited for, and it is passed on as it comes", () => {
    const long = spdyData(3, Buffer.alloc(GATE_LIMITS.maxFrameBytes));
    const { out, word } = through([
      SPDY_HEAD,
      data,
      half,
      Buffer.concat([data.subarray(5), long.subarray(0, 8)]),
    ]);
    expect(out.subarray(SPDY_HEAD.length)).toEqual(Buffer.concat([data, data, long.subarray(0, 8)]));
    expect(word).toEqual(NONE);
  });

  it("when a frame comes in more pieces than are kept, and they are passed on", () => {
    const gate = new LastWordGate();
    gate.pass(Buffer.from(SPDY_HEAD));
    const long = spdyData(3, Buffer.alloc(5_000));
    const passed = [...long.subarray(0, 1_025)].flatMap((byte) => gate.pass(Buffer.from([byte])));
    expect(Buffer.concat(passed)).toEqual(long.subarray(0, 1_025));
    expect(gate.lastWord(FAILURE)).toBeUndefined();
  });

  it("when all of it has ended well, half a frame included", () => {
    const gate = new LastWordGate();
    gate.pass(Buffer.concat([Buffer.from(SPDY_HEAD), spdyData(1, FAILURE, 1)]));
    expect(gate.pass(half)).toEqual([]);
    expect(gate.rest(FAILURE)).toEqual([half]);
    expect(gate.lastWord(FAILURE)).toBeUndefined();
  });
});

it("copies nothing of size of what it passes on", () => {
  const gate = new LastWordGate();
  gate.pass(Buffer.from(SPDY_HEAD));
  const chunk = Buffer.concat([
    spdyData(3, Buffer.alloc(10_000)),
    spdyData(3, Buffer.alloc(10_000)).subarray(0, 5_000),
  ]);
  const rest = spdyData(3, Buffer.alloc(10_000)).subarray(5_000);
  const passed = [...gate.pass(chunk), ...gate.pass(rest)];
  expect(passed.map(({ buffer }) => buffer)).toEqual([chunk.buffer, chunk.buffer, rest.buffer]);
  passed.forEach((piece, i) => expect(piece.buffer).toBe([chunk, chunk, rest][i]!.buffer));
});

const payload = fc
  .oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 120, maxLength: 300 }))
  .map((bytes) => Buffer.from(bytes));
const spdySent: fc.Arbitrary<Sent> = fc.oneof(
  fc
    .record({ id: fc.constantFrom(1, 3, 5, 7), flags: fc.constantFrom(0, 1), payload })
    .map(({ id, flags, payload: data }) => ({
      bytes: spdyData(id, data, flags),
      isSaid: id === 1 && (data.length > 0 || flags === 1),
    })),
  fc.record({ type: fc.constantFrom(2, 3, 4, 6, 7, 8), payload }).map(({ type, payload: data }) => ({
    bytes: spdyControl(type, data),
    isSaid: type === 7,
  })),
);
const webSocketSent: fc.Arbitrary<Sent> = fc.oneof(
  fc
    .record({
      id: fc.constantFrom(1, 2, 3),
      text: fc.oneof(fc.string({ maxLength: 20 }), fc.constant("x".repeat(70_000))),
    })
    .map(({ id, text }) => ({
      bytes: channel(id, text),
      isSaid: id === 3 && text.length > 0,
    })),
  fc
    .record({ opcode: fc.constantFrom(8, 9, 10), text: fc.string({ maxLength: 20 }) })
    .map(({ opcode, text }) => ({
      bytes: webSocket(Buffer.from(text), { opcode }),
      isSaid: opcode === 8,
    })),
);

describe.each([
  { protocol: "SPDY", head: SPDY_HEAD, sent: spdySent, said: SPDY_WORD },
  { protocol: "WebSocket", head: WEBSOCKET_HEAD, sent: webSocketSent, said: WEBSOCKET_WORD },
])("of any frames of $protocol in any pieces", ({ head, sent, said }) => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2_000 })), {
    minLength: 1,
    maxLength: 20,
  });

  it("every byte that goes in comes out", () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 12 }), sizes, (frames, pieces) => {
        const all = Buffer.concat([Buffer.from(head), ...frames.map(({ bytes }) => bytes)]);
        const gate = new LastWordGate({ ...GATE_LIMITS, maxPieces: 1_000_000 });
        const out = cut(all, pieces).flatMap((chunk) => gate.pass(chunk));
        expect(Buffer.concat(out).equals(all)).toBe(true);
        expect(gate.rest(FAILURE)).toEqual(frames.some(({ isSaid }) => isSaid) ? [] : [said]);
      }),
    );
  });

  it("broken off anywhere, it is whole frames and the last word", () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 12 }),
        sizes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (frames, pieces, where) => {
          const all = Buffer.concat(frames.map(({ bytes }) => bytes));
          const upTo = Math.floor(all.length * where);
          const gate = new LastWordGate({ ...GATE_LIMITS, maxPieces: 1_000_000 });
          const chunks = cut(Buffer.concat([Buffer.from(head), all.subarray(0, upTo)]), pieces);
          const out = Buffer.concat(chunks.flatMap((chunk) => gate.pass(chunk)));
          const whole = wholeUpTo(frames, upTo);
          expect(out.equals(Buffer.concat([Buffer.from(head), ...whole.map(({ bytes }) => bytes)]))).toBe(
            true,
          );
          const want = whole.some(({ isSaid }) => isSaid) ? undefined : said;
          expect(gate.lastWord(FAILURE)).toEqual(want);
        },
      ),
    );
  });
});

function wholeUpTo(frames: readonly Sent[], bytes: number): readonly Sent[] {
  let at = 0;
  return frames.filter((frame) => (at += frame.bytes.length) <= bytes);
}

it("holds a few bytes, and not what they were cut out of", () => {
  const gate = new LastWordGate();
  gate.pass(Buffer.from(SPDY_HEAD));
  gate.pass(spdyData(1, FAILURE, 1));
  const frame = spdyData(3, Buffer.from("text"));
  const read = Buffer.alloc(64 * 1024);
  Buffer.concat([frame, frame]).copy(read);
  gate.pass(read.subarray(0, frame.length + 3));
  gate.pass(read.subarray(frame.length + 3, frame.length + 4));
  const held = gate.rest(FAILURE);
  expect(Buffer.concat(held)).toEqual(frame.subarray(0, 4));
  for (const { buffer } of held) expect(buffer.byteLength).toBeLessThan(64 * 1024);
});
