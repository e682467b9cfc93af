// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { PropertyType } from "@longshore/mapper";
import fc from "fast-check";
import { formatReading, isInRange, parseDesired } from "../../src/values/convert.ts";
import { shortestFloat32 } from "../../src/values/float32.ts";

describe("a desired value", () => {
  it.each<[PropertyType, string, unknown]>([
    ["INT", "21", 21],
    ["INT", " -40 ", -40],
    ["INT", "9007199254740993", 9007199254740993n],
    ["INT", "9223372036854775807", 9223372036854775807n],
    ["FLOAT", "0.1", 0.1],
    ["DOUBLE", "1e3", 1000],
    ["BOOLEAN", "True", true],
    ["BOOLEAN", "false", false],
    ["STRING", " as it is ", " as it is "],
    ["BYTES", "AAEC", Buffer.from([0, 1, 2])],
  ])("%s %p becomes %p", (type, text, value) => {
    expect(parseDesired(text, { type })).toStrictEqual(value);
  });

  it.each<[PropertyType, string]>([
    ["INT", "21.5"],
    ["INT", "0x10"],
    ["INT", "9223372036854775808"],
    ["INT", "99999999999999999999"],
    ["FLOAT", "NaN"],
    ["FLOAT", "1e39"],
    ["DOUBLE", "Infinity"],
    ["DOUBLE", "1e999"],
    ["DOUBLE", ""],
    ["BOOLEAN", "1"],
    ["BYTES", "not base64"],
  ])("%s %p is refused", (type, text) => {
    expect(() => parseDesired(text, { type })).toThrow(expect.objectContaining({ code: "VALUE_INVALID" }));
  });

  it.each([
    ["-40", true],
    ["100", true],
    ["-41", false],
    ["101", false],
  ])("%s lies within -40 to 100: %p", (text, isIn) => {
    const parse = () => parseDesired(text, { type: "INT", minimum: -40, maximum: 100 });
    if (isIn) expect(parse()).toBe(Number(text));
    else expect(parse).toThrow("out of range -40 to 100");
  });
});

describe("a reading", () => {
  it.each<[PropertyType, unknown, string]>([
    ["INT", 21, "21"],
    ["INT", 2n ** 62n, "4611686018427387904"],
    ["INT", "7", "7"],
    ["INT", -0, "0"],
    ["FLOAT", 21.123456789, "21.123457"],
    ["FLOAT", Math.fround(0.1), "0.1"],
    ["DOUBLE", 21.123456789, "21.123456789"],
    ["BOOLEAN", 1, "true"],
    ["BOOLEAN", false, "false"],
    ["STRING", 5, "5"],
    ["BYTES", new Uint8Array([255]), "/w=="],
  ])("%s %p is reported as %p", (type, raw, text) => {
    expect(formatReading(raw, type).text).toBe(text);
  });

  it.each<[PropertyType, unknown]>([
    ["INT", 1.5],
    ["INT", Number.NaN],
    ["INT", 2 ** 53],
    ["INT", undefined],
    ["FLOAT", Number.POSITIVE_INFINITY],
    ["DOUBLE", null],
    ["DOUBLE", 10n ** 400n],
    ["BOOLEAN", 2],
    ["STRING", {}],
    ["BYTES", 1],
  ])("%s %p is refused", (type, raw) => {
    expect(() => formatReading(raw, type)).toThrow(expect.objectContaining({ code: "VALUE_INVALID" }));
  });

  it("of a number out of range is still what the device says", () => {
    expect(isInRange(130, { maximum: 100 })).toBe(false);
    expect(formatReading(130, "INT").text).toBe("130");
  });

  it("comes back unchanged as a desired value, whatever it is", () => {
    const cases = fc.oneof(
      fc.tuple(fc.constant<PropertyType>("DOUBLE"), fc.double({ noNaN: true, noDefaultInfinity: true })),
      fc.tuple(fc.constant<PropertyType>("INT"), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
      fc.tuple(fc.constant<PropertyType>("STRING"), fc.string()),
      fc.tuple(fc.constant<PropertyType>("BOOLEAN"), fc.boolean()),
    );
    fc.assert(
      fc.property(cases, ([type, raw]) => {
        const { text, value } = formatReading(raw, type);
        expect(parseDesired(text, { type })).toStrictEqual(value);
      }),
    );
  });
});

describe("a number of configData", () => {
  it("reads as it was written, in up to six digits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -999_999, max: 999_999 }),
        fc.integer({ min: 0, max: 5 }),
        (digits, scale) => {
          const written = Number((digits / 10 ** scale).toPrecision(6));
          expect(shortestFloat32(Math.fround(written))).toBe(written);
        },
      ),
    );
  });

  it("is always the same 32-bit float", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (float) => {
        expect(Math.fround(shortestFloat32(float)) === float).toBe(true);
      }),
    );
  });
});
