// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { fitName } from "../../../src/data/sinks/names.ts";

const LETTER = /^[a-z/-]$/;
const fit = (name: string): string => fitName(name, LETTER, 40);

describe("fitName", () => {
  it("leaves a name that fits", () => {
    expect(fit("default/hall/door-left")).toBe("default/hall/door-left");
  });

  it("never makes one name of two, nor one that does not fit", () => {
    const name = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "_", "~", ".", "A", "😀"), maxLength: 60 }),
      fc.string({ unit: "binary", maxLength: 60 }),
    );
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(fit(a) === fit(b)).toBe(a === b);
        expect(fit(a)).toMatch(/^[a-z/_-]{0,40}$|^[a-z/_-]{0,27}~[0-9a-f]{12}$/);
        fc.pre(a !== fit(a));
        expect(fit(fit(a))).not.toBe(fit(a)); // a name that looks like a changed one is changed itself
      }),
      { numRuns: 500 },
    );
  });
});
