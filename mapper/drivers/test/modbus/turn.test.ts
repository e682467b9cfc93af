// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { nextTurn, type Waiting } from "../../src/modbus/turn.ts";

const at = (unit: number, sinceMs: number): Waiting => ({ unit, sinceMs });
const none = { silent: new Map<number, { untilMs: number }>(), lastSilentMs: -Infinity };
const silent = (...units: [number, number][]) => new Map(units.map(([unit, untilMs]) => [unit, { untilMs }]));

describe("who is next on a line", () => {
  it.each([
    { what: "nobody, when nobody waits", waiting: [], state: none, want: { kind: "idle" } },
    { what: "the first", waiting: [at(1, 0), at(2, 1)], state: none, want: { kind: "go", next: at(1, 0) } },
    {
      what: "the first that may be asked again",
      waiting: [at(9, 0), at(1, 5)],
      state: { silent: silent([9, 20]), lastSilentMs: 2 },
      want: { kind: "go", next: at(1, 5) },
    },
    {
      what: "nobody until the silent one was left alone for long enough",
      waiting: [at(9, 0), at(8, 1)],
      state: { silent: silent([9, 20], [8, 15]), lastSilentMs: 5 },
      want: { kind: "later", atMs: 15 },
    },
    {
      what: "who waited through a timeout, before another silent one",
      waiting: [at(9, 0), at(1, 3)],
      state: { silent: silent([9, 4]), lastSilentMs: 4 },
      want: { kind: "go", next: at(1, 3) },
    },
    {
      what: "a silent one, where nobody waited through its last timeout",
      waiting: [at(9, 0), at(1, 6)],
      state: { silent: silent([9, 4]), lastSilentMs: 4 },
      want: { kind: "go", next: at(9, 0) },
    },
  ])("is $what", ({ waiting, state, want }) => {
    expect(nextTurn(waiting, state, 10)).toStrictEqual(want);
  });

  it("makes nobody who answers wait for two timeouts, and leaves no silent one waiting for ever", () => {
    const TIMEOUT_MS = 1_000;
    fc.assert(
      fc.property(
        fc.array(fc.record({ unit: fc.integer({ min: 1, max: 6 }), sinceMs: fc.nat(20_000) }), {
          maxLength: 60,
        }),
        (arrivals) => {
          const isDead = (unit: number): boolean => unit > 3;
          const coming = arrivals.toSorted((a, b) => a.sinceMs - b.sinceMs);
          const state = { silent: silent([4, 0], [5, 0], [6, 0]), lastSilentMs: -Infinity };
          const waiting: Waiting[] = [];
          const timeouts: number[] = [];
          let nowMs = 0;
          let served = 0;
          while (coming.length > 0 || waiting.length > 0) {
            while (coming[0] && coming[0].sinceMs <= nowMs) waiting.push(coming.shift()!);
            const turn = nextTurn(waiting, state, nowMs);
            if (turn.kind !== "go") {
              nowMs = Math.min(turn.kind === "later" ? turn.atMs : Infinity, coming[0]?.sinceMs ?? Infinity);
              continue;
            }
            waiting.splice(waiting.indexOf(turn.next), 1);
            served++;
            if (!isDead(turn.next.unit)) {
              const through = timeouts.filter((endMs) => endMs > turn.next.sinceMs);
              expect(through.length).toBeLessThanOrEqual(1);
              continue;
            }
            nowMs += TIMEOUT_MS;
            timeouts.push(nowMs);
            state.lastSilentMs = nowMs;
            state.silent.set(turn.next.unit, { untilMs: nowMs + 500 });
          }
          expect(served).toBe(arrivals.length);
        },
      ),
    );
  });
});
