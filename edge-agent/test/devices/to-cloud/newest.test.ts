// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { MAX_AHEAD_MS, MAX_HOLD_MS } from "../../../src/devices/to-cloud/newest.ts";
import { type TwinReport, Twins } from "../../../src/devices/to-cloud/twins.ts";
import { fakeClock } from "../../tunnel/fakes.ts";

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** A report of `t`, by the mapper's clock or, without a time, by none. */
function said(value: string, timestampMs?: number, type = "int"): TwinReport {
  const isStamped = timestampMs !== undefined;
  const reported = { value, timestampMs: timestampMs ?? START_MS, isStamped };
  return { property: "t", reported, observed: undefined, type };
}

function world() {
  const clock = fakeClock(START_MS);
  const late: number[] = [];
  let order = 0;
  const limits = { maxTotalChars: 100, maxFrameTwins: 10, maxFrameChars: 100 };
  const twins = new Twins({ limits, clock, onLate: (count) => late.push(count), nextOrder: () => ++order });
  const take = (...reports: TwinReport[]): boolean => twins.report("k", "u", reports);
  const held = (): string | undefined => twins.record("k")?.twins["t"]?.reported?.value;
  return { clock, late, twins, take, held };
}

describe("of two reports of a property", () => {
  it.each([
    { when: "the second is newer", first: 1_000, second: 2_000, want: "second" },
    { when: "the second is older and came late", first: 2_000, second: 1_000, want: "first" },
    { when: "both are of one time", first: 1_000, second: 1_000, want: "second" },
    { when: "the first has no time", first: undefined, second: 1_000, want: "second" },
    { when: "the second has no time", first: 1_000, second: undefined, want: "second" },
    { when: "neither has a time", first: undefined, second: undefined, want: "second" },
  ])("the $want is sent when $when", ({ first, second, want }) => {
    const at = (ms: number | undefined): number | undefined => ms && START_MS + ms;
    const w = world();
    w.take(said("first", at(first)));
    w.take(said("second", at(second)));
    expect(w.held()).toBe(want);
    expect(w.late).toEqual(want === "first" ? [1] : []);
    const both = world();
    both.take(said("first", at(first)), said("second", at(second)));
    expect(both.held()).toBe(want);
  });

  it("a late one neither takes room nor type, nor is it sent again when the newer one is confirmed", () => {
    const w = world();
    w.take(said("new", START_MS + 1, "int"));
    const batch = w.twins.next("k");
    w.take(said("o".repeat(99), START_MS, "string"));
    expect(w.twins.record("k")?.twins["t"]).toMatchObject({ type: "int" });
    expect(w.take({ ...said("x".repeat(90)), property: "other" })).toBe(true);
    batch?.confirm();
    expect(w.twins.next("k")?.reports.map(({ property }) => property)).toEqual(["other"]);
    w.take(said("old", START_MS));
    expect(w.twins.next("k")?.reports.map(({ property }) => property)).toEqual(["other"]);
  });

  it("the older is left out by side: a late value does not hold off what was observed since", () => {
    const w = world();
    w.take(said("new", START_MS + 2));
    const observed = { value: "20", timestampMs: START_MS + 3, isStamped: true };
    w.take({ ...said("old", START_MS + 1), observed });
    expect(w.twins.record("k")?.twins["t"]).toMatchObject({
      reported: { value: "new" },
      observed: { value: "20" },
    });
  });
});

describe("a clock that steps", () => {
  it("R27 far ahead and back holds nothing off at all", () => {
    const w = world();
    w.take(said("future", START_MS + MAX_AHEAD_MS + 1));
    w.take(said("now", START_MS));
    expect(w.held()).toBe("now");
  });

  it.each([
    { when: "ahead and back", wrongMs: START_MS + MAX_AHEAD_MS, rightMs: START_MS },
    { when: "back by an hour", wrongMs: START_MS, rightMs: START_MS - HOUR_MS },
    { when: "back to 1970", wrongMs: START_MS, rightMs: 1 },
  ])("R27 $when holds a property off no longer than a minute, however often it is reported", (step) => {
    const w = world();
    w.take(said("before", step.wrongMs));
    let blockedMs = 0;
    for (; w.held() === "before" && blockedMs < HOUR_MS; blockedMs += 1_000) {
      w.clock.advance(1_000);
      w.take(said("after", step.rightMs + blockedMs));
    }
    expect(w.held()).toBe("after");
    expect(blockedMs).toBe(MAX_HOLD_MS);
  });

  it("R27 is known after a restart by when the report was read from disk", () => {
    const w = world();
    w.take(said("before", START_MS));
    const record = JSON.parse(JSON.stringify(w.twins.record("k"))) as ReturnType<Twins["record"]>;
    expect(record?.twins["t"]?.reported).toEqual({ value: "before", timestampMs: START_MS, isStamped: true });
    const next = world();
    if (record) next.twins.load("k", record);
    next.take(said("late", START_MS - 1));
    expect(next.held()).toBe("before");
    next.clock.advance(MAX_HOLD_MS);
    next.take(said("after", START_MS - HOUR_MS));
    expect(next.held()).toBe("after");
  });
});
