// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { plainAuthority } from "../../src/dmi/authority.ts";
import { HeaderFilter } from "../../src/dmi/front.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const END_HEADERS = 0x4;

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head[8] = 1;
  return Buffer.concat([head, payload]);
}

/** `:authority: /a/b` as a literal with incremental indexing, not coded. */
const RAW = Buffer.concat([hex("41 04"), Buffer.from("/a/b")]);
/** Four letters `a` of 5 bits. */
const FOUR = hex("83 18c6 3f");

describe("plainAuthority", () => {
  it.each([
    { of: "a literal", block: RAW, plain: Buffer.concat([hex("41"), FOUR]) },
    {
      of: "a coded literal of 15 letters, the example of RFC 7541 C.4.1",
      block: hex("828684418c f1e3 c2e5 f23a 6ba0 ab90 f4ff"),
      plain: hex("828684418a 18c6318c6318c6318c7f"),
    },
    {
      of: "a literal whose name is written out, among others",
      block: Buffer.concat([
        hex("86 00 0a"),
        Buffer.from(":authority"),
        hex("04"),
        Buffer.from("/a/b"),
        hex("84"),
      ]),
      plain: Buffer.concat([hex("86 00 0a"), Buffer.from(":authority"), FOUR, hex("84")]),
    },
    { of: "a value from the table", block: hex("83 be"), plain: hex("83 be") },
    { of: "another header", block: hex("44 02 2f61"), plain: hex("44 02 2f61") },
    { of: "a change of the table's size", block: hex("3f e1 1f 82"), plain: hex("3f e1 1f 82") },
    { of: "a value longer than the block", block: hex("41 7f ff ff 01"), plain: hex("41 7f ff ff 01") },
  ])("writes letters for $of", ({ block, plain }) => {
    expect(plainAuthority(block).toString("hex")).toBe(plain.toString("hex"));
  });

  it("never fails, and never makes a block longer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(plainAuthority(Buffer.from(bytes)).length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

const passedBy = (chunks: readonly Buffer[]): string => {
  const filter = new HeaderFilter();
  return Buffer.concat(chunks.flatMap((chunk) => filter.push(chunk))).toString("hex");
};

describe("the front of a connection", () => {
  it("changes only headers, with padding and priority around them, however the bytes are cut", () => {
    const padded = Buffer.concat([hex("02 00000000 10"), RAW, hex("0000")]);
    const data = frame(0, 0, Buffer.concat([RAW, Buffer.alloc(40_000)]));
    const split = frame(1, 0, RAW); // its block goes on in another frame
    const stream = Buffer.concat([PREFACE, frame(4, 0, hex("")), frame(1, END_HEADERS, RAW), data, split]);
    const whole = Buffer.concat([stream, frame(1, END_HEADERS | 0x28, padded)]);
    const plain = Buffer.concat([hex("41"), FOUR]);
    const expected = Buffer.concat([
      ...[PREFACE, frame(4, 0, hex("")), frame(1, END_HEADERS, plain), data, split],
      frame(1, END_HEADERS | 0x28, Buffer.concat([hex("02 00000000 10"), plain, hex("0000")])),
    ]).toString("hex");
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < whole.length; at += sizes[i % sizes.length] ?? 1, i++)
          chunks.push(whole.subarray(at, at + (sizes[i % sizes.length] ?? 1)));
        expect(passedBy(chunks)).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });

  it("passes on what is no HTTP/2 as it is, and all of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        expect(passedBy([Buffer.from(bytes)])).toBe(Buffer.from(bytes).toString("hex"));
      }),
    );
  });
});
