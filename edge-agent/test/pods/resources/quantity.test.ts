// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { bytesOf, milliCpu, parseQuantity } from "../../../src/pods/resources/quantity.ts";

describe("parseQuantity", () => {
  it.each([
    ["1", 1],
    ["250m", 0.25],
    ["64Mi", 67_108_864],
    ["1.5Gi", 1_610_612_736],
    ["1e3", 1000],
    ["2k", 2000],
    ["-1", -1],
    [".5", 0.5],
    [3, 3],
    ["x", undefined],
    ["1mi", undefined],
    [undefined, undefined],
  ])("reads %p as %p", (text, value) => expect(parseQuantity(text)).toBe(value));
  it("rounds CPU up to thousandths and memory up to bytes", () => {
    expect([milliCpu("0.1"), milliCpu("1n"), milliCpu("1.5"), bytesOf("0.5"), bytesOf(undefined)]).toEqual([
      100, 1, 1500, 1, 0,
    ]);
  });
});
