// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseStrictJson } from "../src/json.ts";

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));

describe("strict JSON", () => {
  it.each([
    { id: "B34", when: "a key twice", text: '{"a":1,"a":2}' },
    { id: "B34", when: "a key twice, deep and apart", text: '{"x":[{"a":{"b":1},"c":"}","a":2}]}' },
    { id: "B34", when: "a key twice, once with an escape", text: '{"a":1,"\\u0061":2}' },
    { id: "B34", when: "a key twice, with spaces", text: '{"a" :1, "a"\n: 2}' },
    { id: "B35", when: "half a character", text: '{"a":"\\ud800"}' },
    { id: "B35", when: "half a character in a key", text: '{"\\uDFFF":1}' },
    { id: "B25", when: "nothing", text: "" },
    { id: "B56", when: "brackets that no stack holds", text: "[".repeat(1_000_000) },
  ])("$id refuses $when", ({ text }) => {
    expect(() => parse(text)).toThrow();
  });

  it.each([
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    '{"a":"\\"a\\":","b":"\\\\"}',
    '{"a\\"":1,"a":2,"a\\\\":3}',
    '{"a":"\\ud83d\\ude00"}',
    '["a","a"]',
  ])("takes %s", (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it("takes whatever JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.integer({ min: 0, max: 2 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("is quick with a megabyte of one string, and of many keys", () => {
    const keys = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key ${index}`, index]));
    const startMs = performance.now();
    parse(JSON.stringify("\\".repeat(1_000_000)));
    parse(JSON.stringify(keys));
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});
