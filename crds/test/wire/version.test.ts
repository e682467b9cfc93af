// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { compareResourceVersion, inventoryDigest, isResourceVersion } from "../../src/wire/index.ts";

const version = fc.bigInt({ min: 0n, max: 10n ** 20n - 1n });

describe("resource versions", () => {
  it.each([
    "abc",
    "",
    "-1",
    "1".repeat(30),
    "0x10",
    "1e3",
    " 5",
    "5 ",
    "01",
    "1".repeat(21),
    7,
    null,
    undefined,
  ])("S31 %j is none", (text) => {
    expect(isResourceVersion(text)).toBe(false);
  });

  it.each(["0", "1", "9007199254740993", "9".repeat(20)])("%s is one", (text) => {
    expect(isResourceVersion(text)).toBe(true);
  });

  it("S31 are ordered as numbers of any size", () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareResourceVersion(String(a), String(b)))).toBe(a === b ? 0 : a < b ? -1 : 1);
      }),
    );
    expect(compareResourceVersion("9007199254740993", "9007199254740992")).toBeGreaterThan(0);
  });
});

describe("inventoryDigest", () => {
  const item = fc.tuple(fc.string(), fc.uuid(), version.map(String), fc.string());

  it("does not depend on the order of the items, nor on what follows the version", () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const bare = items.map(([key, uid, rv]) => [key, uid, rv] as const);
        expect(inventoryDigest(bare.toReversed())).toBe(inventoryDigest(items));
      }),
    );
  });

  it("changes with a key, a uid, a version and an item more", () => {
    const base = ["pod/a/b", "u1", "5"] as const;
    const digests = [
      [],
      [base],
      [["pod/a/c", "u1", "5"] as const],
      [["pod/a/b", "u2", "5"] as const],
      [["pod/a/b", "u1", "6"] as const],
      [base, ["pod/a/c", "u1", "5"] as const],
    ].map((items) => inventoryDigest(items));
    expect(new Set(digests).size).toBe(6);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
  });
});
