// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { expand } from "../../../src/pods/values/expand.ts";

describe("expand", () => {
  const env = new Map([["A", "a"]]);
  it.each([
    ["$(A)", "a"],
    ["$$(A)", "$(A)"],
    ["$(B)", "$(B)"],
    ["$A $(A)$(A", "$A a$(A"],
    ["$$$(A)", "$a"],
    ["$(A)$$", "a$"],
  ])("%s becomes %s", (text, want) => expect(expand(text, env)).toBe(want));
  it("changes nothing in a text without a dollar", () => {
    fc.assert(fc.property(fc.string(), (text) => text.includes("$") || expand(text, env) === text));
  });
});
