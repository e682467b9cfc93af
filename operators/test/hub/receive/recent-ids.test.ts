// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { RecentIds } from "../../../src/hub/receive/recent-ids.ts";

describe("recent ids", () => {
  it("B60 knows a reused id by the bytes of its message", () => {
    const ids = new RecentIds(2);
    expect(ids.accept("a", Buffer.from("1"))).toBe(true);
    expect(ids.accept("a", Buffer.from("1"))).toBe(true);
    expect(ids.accept("a", Buffer.from("2"))).toBe(false);
    ids.accept("b", Buffer.from("1"));
    ids.accept("c", Buffer.from("1"));
    expect(ids.accept("a", Buffer.from("2"))).toBe(true);
  });
});
