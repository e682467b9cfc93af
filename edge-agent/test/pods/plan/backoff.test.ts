// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { noteExit, remainingMs, restartDelayMs } from "../../../src/pods/plan/backoff.ts";

describe("restart back-off", () => {
  it.each([
    [1, 0],
    [2, 10_000],
    [3, 20_000],
    [7, 300_000],
    [500, 300_000],
  ])("waits after exit %d for %d ms", (failures, delay) => expect(restartDelayMs(failures)).toBe(delay));
  it("counts an exit once, and starts over after a long run", () => {
    const first = noteExit(undefined, { attempt: 0, ranForMs: 5, nowMs: 1 });
    expect(noteExit(first, { attempt: 0, ranForMs: 5, nowMs: 2 })).toBe(first);
    expect(noteExit(first, { attempt: 1, ranForMs: 5, nowMs: 2 }).failures).toBe(2);
    expect(noteExit({ ...first, failures: 9 }, { attempt: 1, ranForMs: 600_000, nowMs: 2 }).failures).toBe(1);
  });
  it("R27 in part: waits at most the whole delay after an agent restart, whatever the wall clock did", () => {
    const history = { attempt: 3, failures: 4, seenAtMs: 1_000_000 };
    fc.assert(
      fc.property(fc.integer({ min: -4_000_000_000_000, max: 4_000_000_000_000 }), (nowMs) => {
        const left = remainingMs(history, nowMs);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(40_000);
      }),
    );
    expect(remainingMs(history, 1_010_000)).toBe(30_000);
  });
});
