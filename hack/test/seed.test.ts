// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import fc, { sample } from "fast-check";

it("properties are tried with the same cases each time, unless others are asked for", () => {
  const { seed } = fc.readConfigureGlobal();
  const wanted = process.env["LONGSHORE_SEED"] ?? "1";
  expect(String(seed ?? "random")).toBe(wanted);
  if (wanted !== "random") expect(sample(fc.integer(), 3)).toEqual(sample(fc.integer(), { numRuns: 3 }));
});
