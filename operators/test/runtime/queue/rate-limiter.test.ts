// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  createBucketLimiter,
  createClassicLimiter,
  createExponentialLimiter,
} from "../../../src/runtime/queue/rate-limiter.ts";
import { createFakeClock } from "../fake-clock.ts";

describe("rate limiters", () => {
  it("double the delay of a key with each failure, from 5 ms to 1000 s", () => {
    const limiter = createExponentialLimiter();
    const delays = Array.from({ length: 20 }, () => limiter.when("a"));
    expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(delays.at(-1)).toBe(1_000_000);
    expect(limiter.when("b")).toBe(5);
  });

  it("start again after forget", () => {
    const limiter = createExponentialLimiter();
    limiter.when("a");
    limiter.when("a");
    expect(limiter.failures("a")).toBe(2);
    limiter.forget("a");
    expect(limiter.when("a")).toBe(5);
  });

  it("stay within base and cap, also with jitter and after thousands of failures", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const limiter = createExponentialLimiter({
            baseMs: 100,
            capMs: 30_000,
            jitter: 0.5,
            random: () => random,
          });
          for (let i = 0; i < failures; i++) limiter.when("a");
          const delayMs = limiter.when("a");
          expect(delayMs).toBeGreaterThanOrEqual(50);
          expect(delayMs).toBeLessThanOrEqual(30_000);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("refuse a base above the cap", () => {
    expect(() => createExponentialLimiter({ baseMs: 2, capMs: 1 })).toThrow(RangeError);
  });

  it("let a burst of 100 through a bucket and then ten a second", () => {
    const clock = createFakeClock();
    const limiter = createBucketLimiter({ clock });
    const burst = Array.from({ length: 100 }, () => limiter.when("a"));
    expect(Math.max(...burst)).toBe(0);
    expect(limiter.when("a")).toBeCloseTo(100);
    expect(limiter.when("b")).toBeCloseTo(200);
    clock.advance(1000);
    expect(limiter.when("c")).toBe(0);
  });

  it("take the longer delay of key and bucket in the classic default", () => {
    const limiter = createClassicLimiter(createFakeClock());
    expect(limiter.when("a")).toBe(5);
    for (let i = 0; i < 99; i++) limiter.when(`k${i}`);
    expect(limiter.when("b")).toBeCloseTo(100);
  });
});
