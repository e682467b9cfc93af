// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MinuteCounter, TokenBucket } from "../../src/hub/rate.ts";

describe("rates", () => {
  it("admits the burst, then the rate, and says how long to wait", () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0, 100]);
    expect(bucket.take(50)).toBe(50);
    expect(bucket.take(101)).toBe(0);
  });

  it("lends tokens and says how long the debt takes", () => {
    const bucket = new TokenBucket(10, 1, 0);
    expect([bucket.borrow(0), bucket.borrow(0), bucket.borrow(0)]).toEqual([0, 100, 200]);
    expect(bucket.borrow(10_000)).toBe(0);
  });

  it("never admits more than burst + rate x time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 300 }), (gaps) => {
        const bucket = new TokenBucket(50, 10, 0);
        let nowMs = 0;
        let admitted = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (bucket.take(nowMs) === 0) admitted += 1;
        }
        expect(admitted).toBeLessThanOrEqual(10 + (nowMs * 50) / 1000 + 1e-6);
      }),
    );
  });

  it("counts by the minute", () => {
    const counter = new MinuteCounter();
    expect([counter.add(0), counter.add(59_999), counter.add(60_000)]).toEqual([1, 2, 1]);
  });
});
