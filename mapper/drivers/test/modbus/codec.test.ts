// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ConfigData, PropertyType, Value } from "@longshore/mapper";
import { decode, encode } from "../../src/modbus/codec.ts";
import { pointOf, type Point } from "../../src/modbus/point.ts";
import { aProperty } from "../support/gen.ts";

const point = (type: PropertyType, config: ConfigData, minimum?: number): Point =>
  pointOf(
    aProperty(
      { Register: "HoldingRegister", Offset: 0, ...config },
      { type, ...(minimum !== undefined && { minimum }) },
    ),
  );
const coils = (type: PropertyType, Limit: number): Point => point(type, { Register: "CoilRegister", Limit });

interface Row {
  readonly what: string;
  readonly of: Point;
  readonly cells: readonly number[];
  readonly value: Value;
}

const ROWS: readonly Row[] = [
  { what: "a register without sign", of: point("INT", {}), cells: [0xffff], value: 65535 },
  { what: "a register with one", of: point("INT", { Signed: true }), cells: [0xffff], value: -1 },
  { what: "a register whose model goes below 0", of: point("INT", {}, -40), cells: [0xfff6], value: -10 },
  { what: "32 bits", of: point("INT", { Limit: 2 }), cells: [0x1234, 0x5678], value: 0x12345678 },
  {
    what: "32 bits, registers swapped",
    of: point("INT", { Limit: 2, IsRegisterSwap: true }),
    cells: [0x5678, 0x1234],
    value: 0x12345678,
  },
  {
    what: "32 bits, bytes swapped",
    of: point("INT", { Limit: 2, IsSwap: true }),
    cells: [0x3412, 0x7856],
    value: 0x12345678,
  },
  {
    what: "32 bits, both swapped",
    of: point("INT", { Limit: 2, IsSwap: true, IsRegisterSwap: true }),
    cells: [0x7856, 0x3412],
    value: 0x12345678,
  },
  {
    what: "48 bits with sign",
    of: point("INT", { Limit: 3, Signed: true }),
    cells: [0xffff, 0xffff, 0xfffe],
    value: -2,
  },
  {
    what: "64 bits, exactly",
    of: point("INT", { Limit: 4 }),
    cells: [0xffff, 0xffff, 0xffff, 0xffff],
    value: 2n ** 64n - 1n,
  },
  {
    what: "64 bits with sign",
    of: point("INT", { Limit: 4, Signed: true }),
    cells: [0x8000, 0, 0, 0],
    value: -(2n ** 63n),
  },
  { what: "a scaled one", of: point("FLOAT", { Limit: 1, Scale: 0.1 }), cells: [3], value: 0.3 },
  {
    what: "a scaled one with sign",
    of: point("DOUBLE", { Limit: 1, Scale: 0.01, Signed: true }),
    cells: [0xff9c],
    value: -1,
  },
  { what: "a whole number scaled up", of: point("INT", { Scale: 100 }), cells: [7], value: 700 },
  { what: "a 32-bit float", of: point("FLOAT", {}), cells: [0x3dcc, 0xcccd], value: 0.1 },
  { what: "a 64-bit float", of: point("DOUBLE", {}), cells: [0x3fb9, 0x9999, 0x9999, 0x999a], value: 0.1 },
  {
    what: "a whole number in a float",
    of: point("INT", { Format: "float", Limit: 2 }),
    cells: [0x4248, 0],
    value: 50,
  },
  {
    what: "a double of integers",
    of: point("DOUBLE", { Format: "integer", Limit: 2 }),
    cells: [1, 0],
    value: 65536,
  },
  { what: "a boolean", of: point("BOOLEAN", {}), cells: [1], value: true },
  { what: "a text, filled up", of: point("STRING", { Limit: 2 }), cells: [0x6162, 0x6300], value: "abc" },
  {
    what: "a text with its bytes swapped",
    of: point("STRING", { Limit: 1, IsSwap: true }),
    cells: [0x6261],
    value: "ab",
  },
  { what: "bytes", of: point("BYTES", { Limit: 1 }), cells: [0x0102], value: Uint8Array.of(1, 2) },
  { what: "a coil", of: coils("BOOLEAN", 1), cells: [0], value: false },
  { what: "a coil as a number", of: coils("INT", 1), cells: [1], value: 1 },
  { what: "coils as a number, the first the lowest", of: coils("INT", 5), cells: [1, 0, 0, 0, 1], value: 17 },
  {
    what: "coils as bytes",
    of: coils("BYTES", 9),
    cells: [1, 0, 0, 0, 0, 0, 0, 0, 1],
    value: Uint8Array.of(1, 1),
  },
];

describe("what registers hold", () => {
  it.each(ROWS)("is read and written: $what", ({ of, cells, value }) => {
    expect(decode(cells, of)).toStrictEqual(value);
    expect(encode(value, of)).toStrictEqual(cells);
  });

  it.each<{ what: string; of: Point; value: Value }>([
    { what: "beyond 16 bits", of: point("INT", {}), value: 65536 },
    { what: "below 0 without a sign", of: point("INT", {}), value: -1 },
    { what: "beyond 15 bits and a sign", of: point("INT", { Signed: true }), value: 32768 },
    { what: "beyond it when scaled", of: point("FLOAT", { Limit: 1, Scale: 0.1 }), value: 6554 },
    { what: "beyond a 32-bit float", of: point("FLOAT", {}), value: 1e39 },
    { what: "a text that is too long", of: point("STRING", { Limit: 2 }), value: "abcde" },
    { what: "bytes that are too many", of: point("BYTES", { Limit: 1 }), value: Uint8Array.of(1, 2, 3) },
    { what: "a bit beyond the coils", of: coils("BYTES", 3), value: Uint8Array.of(8) },
    { what: "no number", of: point("INT", {}), value: "many" },
  ])("does not take $what", ({ of, value }) => {
    expect(() => encode(value, of)).toThrow(expect.objectContaining({ code: "VALUE_UNFIT" }));
  });

  it.each([
    { what: "too few cells", of: point("INT", { Limit: 2 }), cells: [1] },
    { what: "no number", of: point("FLOAT", {}), cells: [0x7fc0, 0] },
    { what: "infinity", of: point("FLOAT", {}), cells: [0x7f80, 0] },
  ])("gives no value of $what", ({ of, cells }) => {
    expect(() => decode(cells, of)).toThrow(expect.objectContaining({ code: "VALUE_UNFIT" }));
  });

  it("keeps the other bits of a register", () => {
    const bit = point("BOOLEAN", { Bit: 3 });
    expect(encode(true, bit, [0x8001])).toStrictEqual([0x8009]);
    expect(encode(false, bit, [0xffff])).toStrictEqual([0xfff7]);
    expect(decode([0x0008], bit)).toBe(true);
    expect(() => encode(true, bit)).toThrow("not known");
  });

  it("is the same after a round trip, however it is swapped", () => {
    const swaps = fc.record({ IsSwap: fc.boolean(), IsRegisterSwap: fc.boolean() });
    const roundTrip = (of: Point, value: Value): void =>
      expect(decode(encode(value, of), of)).toStrictEqual(value);
    fc.assert(
      fc.property(swaps, fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.nat(), (swap, Limit, Signed, n) => {
        const bits = BigInt(Limit * 16);
        const value = Number(
          Signed ? BigInt.asIntN(Number(bits), BigInt(n) * 7919n) : BigInt.asUintN(Number(bits), BigInt(n)),
        );
        roundTrip(point("INT", { ...swap, Limit, Signed }), value);
      }),
    );
    fc.assert(
      fc.property(swaps, fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (swap, value) => {
        roundTrip(point("INT", { ...swap, Limit: 4 }), value);
      }),
    );
    fc.assert(
      fc.property(swaps, fc.double({ noNaN: true, noDefaultInfinity: true }), (swap, value) => {
        roundTrip(point("DOUBLE", swap), value);
      }),
    );
    fc.assert(
      fc.property(swaps, fc.float({ noNaN: true, noDefaultInfinity: true }), (swap, value) => {
        const of = point("FLOAT", swap);
        expect(Math.fround(Number(decode(encode(value, of), of))) + 0).toBe(value + 0); // -0 is 0
      }),
    );
    fc.assert(
      fc.property(swaps, fc.uint8Array({ minLength: 8, maxLength: 8 }), (swap, value) => {
        roundTrip(point("BYTES", { ...swap, Limit: 4 }), Uint8Array.from(value));
      }),
    );
    fc.assert(
      fc.property(swaps, fc.integer({ min: -32768, max: 32767 }), (swap, raw) => {
        const of = point("DOUBLE", { ...swap, Limit: 1, Scale: 0.001, Signed: true });
        roundTrip(of, raw / 1000);
      }),
    );
  });
});
