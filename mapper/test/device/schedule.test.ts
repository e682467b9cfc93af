// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { afterRun, startCycle, untilNext, withPeriod } from "../../src/device/schedule.ts";

describe("a cycle", () => {
  it("is due at once, and then on its beat, not on the time that a run takes", () => {
    const first = startCycle(1000, 50);
    expect(first.dueMs).toBe(50);
    expect(afterRun(first, 300).dueMs).toBe(1050);
  });

  it("does not make up for what it missed", () => {
    expect(afterRun({ cycleMs: 1000, dueMs: 0 }, 10_500).dueMs).toBe(11_500);
  });

  it.each([
    { when: "shorter", cycleMs: 100, nowMs: 500, dueMs: 500 },
    { when: "longer", cycleMs: 5000, nowMs: 500, dueMs: 5000 },
    { when: "the same", cycleMs: 1000, nowMs: 500, dueMs: 1000 },
  ])("with a $when period keeps the time of its last run", ({ cycleMs, nowMs, dueMs }) => {
    expect(withPeriod({ cycleMs: 1000, dueMs: 1000 }, cycleMs, nowMs).dueMs).toBe(dueMs);
  });

  it.each([
    { dues: [], until: undefined },
    { dues: [30, 20], until: 10 },
    { dues: [5], until: 0 },
  ])("sleeps $until ms until the first of $dues", ({ dues, until }) => {
    expect(untilNext(dues, 10)).toBe(until);
  });
});
