// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { backoffMs } from "../../src/hub/backoff.ts";

describe("a retry", () => {
  it("backs off between half and all of twice the last delay, up to the cap", () => {
    const limits = { baseMs: 100, capMs: 1_000 };
    expect([1, 2, 3, 9].map((n) => backoffMs(n, limits, 0))).toEqual([50, 100, 200, 500]);
    expect(backoffMs(1_000, limits, 0.999_999)).toBeLessThan(1_000);
  });
});
