// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  decodeFrame,
  encodeFrame,
  LIMITS,
  parseObject,
  WireError,
  type Frame,
} from "../../src/wire/index.ts";

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return "accepted";
};
const withContent = (content: string): string => `{"header":{"msg_id":"m1"},"route":{},"content":${content}}`;

describe("decodeFrame", () => {
  it.each([
    "null",
    "[]",
    "1",
    '""',
    '"x"',
    "true",
    "",
    "   ",
    "{",
    '{"header":',
    "{]",
    '{"a" 1}',
    '{"header":{"msg_id":"m',
  ])("S4 refuses the document %j as malformed", (text) => {
    expect(refusal(() => decodeFrame(text))).toBe("MALFORMED");
  });

  it.each([
    "{}",
    '{"header":null,"route":{}}',
    '{"header":[],"route":{}}',
    '{"header":{},"route":null}',
    '{"header":{},"route":"x"}',
    '{"header":{"msg_id":7},"route":{}}',
    '{"header":{"timestamp":"now"},"route":{}}',
    '{"header":{"sync":"yes"},"route":{}}',
    '{"header":{"parent_msg_id":null},"route":{}}',
    '{"header":{},"route":{"resource":["a"]}}',
    '{"header":{},"route":{"operation":{}}}',
  ])("S4 refuses wrong types of header and route: %s", (text) => {
    expect(refusal(() => decodeFrame(text))).toBe("BAD_FIELD");
  });

  it.each([
    ["msg_id", (text: string) => ({ header: { msg_id: text }, route: {} })],
    ["parent_msg_id", (text: string) => ({ header: { parent_msg_id: text }, route: {} })],
    ["source", (text: string) => ({ header: {}, route: { source: text } })],
    ["operation", (text: string) => ({ header: {}, route: { operation: text } })],
  ])("S4 refuses a %s that is longer than any: it is kept while the frame waits", (_name, frameOf) => {
    expect(refusal(() => decodeFrame(JSON.stringify(frameOf("x".repeat(1025)))))).toBe("BAD_FIELD");
    expect(() => decodeFrame(JSON.stringify(frameOf("x".repeat(1024))))).not.toThrow();
  });

  it("accepts the empty message that EdgeCore sends when it stops", () => {
    expect(decodeFrame('{"header":{"msg_id":"","timestamp":0},"route":{},"content":null}\n')).toEqual({
      header: { msg_id: "", timestamp: 0 },
      route: {},
      content: null,
    });
  });

  it("reads only the first JSON value of a text", () => {
    const text = withContent('"first"');
    expect(decodeFrame(`${text}\n${withContent('"second"')} trailing rubbish {`).content).toBe("first");
  });

  it("leaves unknown fields of header and route out", () => {
    const frame = decodeFrame(
      '{"header":{"msg_id":"a","x":1},"route":{"group":"g","y":2},"content":3,"z":4}',
    );
    expect(frame).toEqual({ header: { msg_id: "a", timestamp: 0 }, route: { group: "g" }, content: 3 });
  });

  it.each([
    ["depth 33", withContent("[".repeat(LIMITS.depth) + "]".repeat(LIMITS.depth)), "TOO_DEEP"],
    ["depth 10,000", withContent("[".repeat(10_000)), "TOO_DEEP"],
    ["depth 32", withContent("[".repeat(LIMITS.depth - 1) + "]".repeat(LIMITS.depth - 1)), "accepted"],
    ["10,001 keys", withContent(`{${keys(LIMITS.keys + 1 - 4)}}`), "TOO_MANY_KEYS"],
    ["10,000 keys", withContent(`{${keys(LIMITS.keys - 4)}}`), "accepted"],
    ["a key over 64 KiB", withContent(`{"${"k".repeat(LIMITS.keyBytes + 1)}":1}`), "KEY_TOO_LONG"],
    ["a value over 64 KiB", withContent(`"${"v".repeat(LIMITS.keyBytes + 1)}"`), "accepted"],
  ])("B56 %s is judged before anything is parsed", (_when, text, want) => {
    expect(refusal(() => decodeFrame(text))).toBe(want);
  });

  it("refuses a frame over the size limit", () => {
    expect(refusal(() => decodeFrame(withContent(`"${"x".repeat(100)}"`), { frameBytes: 99 }))).toBe(
      "TOO_LARGE",
    );
  });

  it.each([
    ["__proto__", '{"__proto__":{"x":1}}'],
    ["a deep __proto__", '{"a":[{"b":{"__proto__":{"x":1}}}]}'],
    ["an escaped __proto__", '{"\\u005f_proto__":{"x":1}}'],
    ["constructor.prototype", '{"constructor":{"prototype":{"x":1}}}'],
    [
      "constructor.prototype after another constructor",
      '{"constructor":{"constructor":{"a":1},"prototype":{"x":1}}}',
    ],
    ["an escaped constructor.prototype", '{"c\\u006fnstructor":{"a":1,"pr\\u006ftotype":{"x":1}}}'],
    ["__proto__ with space before the colon", '{"__proto__" \n: {"x":1}}'],
  ])("B57 refuses %s", (_what, content) => {
    expect(refusal(() => decodeFrame(withContent(content)))).toBe("FORBIDDEN_KEY");
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it.each([
    '{"constructor":"prototype"}',
    '{"prototype":1}',
    '{"constructor":[{"prototype":1}]}',
    '{"data":{"constructor":"a"},"prototype":1}',
    '"__proto__"',
    '{"a":"\\"__proto__\\":1"}',
  ])("B57 lets the harmless %s pass", (content) => {
    expect(decodeFrame(withContent(content)).content).toEqual(JSON.parse(content));
  });

  it.each(["0x10", "1e3", " 5", "", "-1", "1".repeat(21), "abc", "01", "9".repeat(30)])(
    "B58 refuses the resource version %j and names the message",
    (version) => {
      const text = JSON.stringify({ header: { msg_id: "m1", resourceversion: version }, route: {} });
      expect(refusal(() => decodeFrame(text))).toBe("BAD_RESOURCE_VERSION");
      expect(() => decodeFrame(text)).toThrow(expect.objectContaining({ messageId: "m1" }));
    },
  );

  it("holds no payload in its error messages", () => {
    expect(() => decodeFrame('{"header":{},"route":{},"content":secretword}')).toThrow(/^(?!.*secretword)/);
  });

  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeFrame(Buffer.from(encodeFrame(frame)))).toEqual(JSON.parse(JSON.stringify(frame)));
      }),
    );
  });

  it("accepts a text exactly when JSON.parse finds it within the limits", () => {
    const limits = { depth: 5, keys: 12, keyBytes: 8 };
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (content) => {
        const document: unknown = JSON.parse(withContent(content));
        const shape = measure(document, 0);
        const want = shape.depth <= limits.depth && shape.keys <= limits.keys && shape.fits;
        expect(accepts(withContent(content), limits)).toBe(want);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws anything but a WireError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary" }), (bytes, text) => {
        refusal(() => decodeFrame(bytes));
        refusal(() => decodeFrame(Buffer.concat([Buffer.from("{"), bytes])));
        refusal(() => decodeFrame(`{"header":{},"route":{},"content":${text}}`));
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseObject", () => {
  it.each([
    ["S4", "null", "MALFORMED"],
    ["S4", "[]", "MALFORMED"],
    ["S4", "{", "MALFORMED"],
    ["B56", `{"a":${"[".repeat(32)}`, "TOO_DEEP"],
    ["B57", '{"a":{"__proto__":1}}', "FORBIDDEN_KEY"],
  ])("%s holds JSON inside a text to the same rules: %s", (_row, json, want) => {
    expect(refusal(() => parseObject(json))).toBe(want);
  });

  it("gives the object", () => {
    expect(parseObject('{"status":{"a":[1]}}')).toEqual({ status: { a: [1] } });
    expect(refusal(() => parseObject('{"a":"long"}', { frameBytes: 5 }))).toBe("TOO_LARGE");
  });
});

const text = fc.string({ unit: "binary", maxLength: 30 });
const optional = { requiredKeys: ["msg_id", "timestamp"] as ("msg_id" | "timestamp")[] };
const frames: fc.Arbitrary<Frame> = fc.record({
  header: fc.record(
    {
      msg_id: text,
      parent_msg_id: text,
      timestamp: fc.nat(),
      resourceversion: fc.bigInt({ min: 0n, max: 10n ** 20n - 1n }).map(String),
      sync: fc.boolean(),
      digest: text,
    },
    optional,
  ),
  route: fc.record({ source: text, group: text, operation: text, resource: text }, { requiredKeys: [] }),
  content: fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes("proto")),
});

function keys(count: number): string {
  return Array.from({ length: count }, (_, index) => `"k${index}":0`).join(",");
}

function accepts(document: string, limits: object): boolean {
  return refusal(() => decodeFrame(document, limits)) === "accepted";
}

function measure(value: unknown, depth: number): { depth: number; keys: number; fits: boolean } {
  if (typeof value !== "object" || value === null) return { depth, keys: 0, fits: true };
  const names = Array.isArray(value) ? [] : Object.keys(value);
  const parts = Object.values(value).map((child) => measure(child, depth + 1));
  return {
    depth: Math.max(depth + 1, ...parts.map((part) => part.depth)),
    keys: names.length + parts.reduce((sum, part) => sum + part.keys, 0),
    fits:
      names.every((name) => name !== "__proto__" && quotedBytes(name) <= 8) &&
      parts.every((part) => part.fits),
  };
}

const quotedBytes = (name: string): number => Buffer.byteLength(JSON.stringify(name)) - 2;
