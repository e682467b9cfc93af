// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { laidOver, mergeReports, type DeviceStatusContent } from "../../../src/hub/uplink/device-merge.ts";
import {
  readStateReport,
  readTwinReport,
  reportOfEntry,
  type DeviceReport,
} from "../../../src/hub/uplink/device-report.ts";

const NOW_MS = 1_800_000_000_000;
const context = { nowMs: NOW_MS, maxProperties: 3, maxBytes: 100_000 };
const actual = (value: unknown, timestamp?: unknown) => ({
  actual: { value, ...(timestamp === undefined ? {} : { metadata: { timestamp } }) },
});
const twins = (twin: Record<string, unknown>, timestamp?: number): DeviceReport =>
  readTwinReport({ event_id: "e", ...(timestamp === undefined ? {} : { timestamp }), twin });
const stored = (value: string, timestamp: number): DeviceStatusContent => ({
  twins: [{ propertyName: "t", reported: { value, metadata: { timestamp: String(timestamp) } } }],
});
const valueOf = (content: Pick<DeviceStatusContent, "twins"> | undefined): string | undefined =>
  content?.twins?.find(({ propertyName }) => propertyName === "t")?.reported?.value;

describe("a report of values", () => {
  it("is stored as it is told: value, time and type of both sides", () => {
    const report = twins({
      t: {
        actual: { value: "23", metadata: { timestamp: 5 } },
        expected: { value: "30", metadata: { timestamp: 4 } },
        metadata: { type: "int" },
      },
    });
    expect(mergeReports({}, [report], context).changed).toEqual({
      twins: [
        {
          propertyName: "t",
          reported: { value: "23", metadata: { timestamp: "5", type: "int" } },
          observedDesired: { value: "30", metadata: { timestamp: "4", type: "int" } },
        },
      ],
    });
  });

  it("is not lost when it is the first of its property", () => {
    const first = mergeReports({}, [twins({ t: actual("1", 1) })], context).changed;
    expect(valueOf(first)).toBe("1");
    const second = mergeReports(laidOver({}, first ?? {}), [twins({ u: actual("2", 2) })], context).changed;
    expect(second?.twins?.map(({ propertyName }) => propertyName)).toEqual(["t", "u"]);
  });

  it("leaves alone what it does not name, fields of others among it", () => {
    const others = { propertyName: "u", reported: { value: "9" }, fromTheFuture: 1 };
    const { changed } = mergeReports({ twins: [others] }, [twins({ t: actual("1", 1) })], context);
    expect(changed?.twins?.[0]).toBe(others);
  });

  it.each([
    { when: "older", at: 4, want: undefined, skipped: { stale: 1 } },
    { when: "of the same time", at: 5, want: "new", skipped: {} },
    { when: "newer", at: 6, want: "new", skipped: {} },
    { when: "of no time", at: undefined, want: "new", skipped: {} },
  ])("that is $when than the stored one is $want", ({ at, want, skipped }) => {
    const merged = mergeReports(stored("old", 5), [twins({ t: actual("new", at) })], context);
    expect([valueOf(merged.changed), merged.skipped]).toEqual([want, skipped]);
  });

  it("counts by the time of the whole frame when the value has none", () => {
    expect(mergeReports(stored("old", 5), [twins({ t: actual("new") }, 4)], context).changed).toBeUndefined();
  });

  it("is not held off by a time that only a wrong clock can have told", () => {
    const merged = mergeReports(stored("old", NOW_MS + 3_600_000), [twins({ t: actual("new", 7) })], context);
    expect(valueOf(merged.changed)).toBe("new");
  });

  it.each([
    { ahead: "a minute", aheadMs: 60_001, want: "new" },
    { ahead: "less", aheadMs: 59_000, want: undefined },
  ])("is held off by $ahead of a wrong clock: $want, by the sender's own clock", ({ aheadMs, want }) => {
    // Its clock is a year behind ours, and what is stored lies behind our own time.
    const sentMs = NOW_MS - 365 * 86_400_000;
    const entry = { device: "n/d", uid: "u", twins: [["t", "int", ["new", sentMs], null]] } as const;
    const merged = mergeReports(stored("old", sentMs + aheadMs), [reportOfEntry(entry, sentMs)], context);
    expect(valueOf(merged.changed)).toBe(want);
  });

  it("that says what is stored changes nothing", () => {
    expect(mergeReports(stored("old", 5), [twins({ t: actual("old", 5) })], context)).toEqual({
      skipped: {},
    });
  });

  it("keeps the known type when it tells none", () => {
    const typed = mergeReports({}, [twins({ t: { ...actual("1", 1), metadata: { type: "int" } } })], context);
    const { changed } = mergeReports(
      laidOver({}, typed.changed ?? {}),
      [twins({ t: actual("2", 2) })],
      context,
    );
    expect(changed?.twins?.[0]?.reported?.metadata).toEqual({ timestamp: "2", type: "int" });
  });

  it("of more properties than a device may have is cut, and says so", () => {
    const many = twins(Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`p${n}`, actual("1", 1)])));
    const merged = mergeReports({}, [many], context);
    expect([merged.changed?.twins?.length, merged.skipped]).toEqual([3, { too_many: 2 }]);
  });

  it("of more than one object may hold is cut, says so, and takes what is smaller or fits again", () => {
    const long = "x".repeat(400);
    const limits = { ...context, maxBytes: 1_100 };
    const first = mergeReports(
      {},
      [twins({ a: actual(long, 1), b: actual(long, 1), c: actual(long, 1) })],
      limits,
    );
    expect([first.changed?.twins?.length, first.skipped]).toEqual([2, { too_large: 1 }]);
    const kept = { twins: first.changed?.twins ?? [] };
    const next = mergeReports(kept, [twins({ a: actual("short", 2), c: actual(long, 2) })], limits);
    expect([next.changed?.twins?.length, next.skipped]).toEqual([3, {}]);
    const grown = mergeReports(kept, [twins({ a: actual(long + long, 2), b: actual("2", 2) })], limits);
    expect(grown.skipped).toEqual({ too_large: 1 });
    expect(grown.changed?.twins?.map(({ reported }) => reported?.value)).toEqual([long, "2"]);
  });

  it("is measured as the API server stores it: some characters take six bytes, some three", () => {
    const limits = { ...context, maxBytes: 1_000 };
    for (const [value, fits] of [
      ["x".repeat(600), true],
      ["<".repeat(600), false],
      ["\u20ac".repeat(600), false],
    ] as const)
      expect(mergeReports({}, [twins({ t: actual(value, 1) })], limits).changed !== undefined).toBe(fits);
  });

  it.each([
    { of: "neither value", twin: { t: { metadata: { type: "int" } } }, reason: "empty" },
    { of: "null", twin: { t: null }, reason: "empty" },
    { of: "a number for a value", twin: { t: actual(5) }, reason: "empty" },
    { of: "a value of a megabyte", twin: { t: actual("x".repeat(1 << 20)) }, reason: "value_too_long" },
    { of: "a name of a kilobyte", twin: { ["n".repeat(1024)]: actual("1") }, reason: "name" },
    { of: "no name", twin: { "": actual("1") }, reason: "name" },
  ])("with $of leaves that entry out and keeps the others", ({ twin, reason }) => {
    const merged = mergeReports({}, [twins({ ...twin, u: actual("1", 1) })], context);
    expect(merged.skipped).toEqual({ [reason]: 1 });
    expect(merged.changed?.twins?.map(({ propertyName }) => propertyName)).toEqual(["u"]);
  });

  it.each([[null], ["["], [{}], [{ twin: [] }], [{ twin: "x" }], [7]])("is refused as %j", (content) => {
    expect(() => readTwinReport(content)).toThrow();
  });

  it("ends with the newest value of each property, in whichever order the frames come", () => {
    const frames = fc.array(
      fc.record({ name: fc.constantFrom("a", "b", "c"), at: fc.integer({ min: 1, max: 50 }) }),
    );
    fc.assert(
      fc.property(frames, (all) => {
        const reports = all.map(({ name, at }) => twins({ [name]: actual(`v${at}`, at) }));
        const { changed } = mergeReports({}, reports, context);
        const newest = new Map<string, number>();
        for (const { name, at } of all) newest.set(name, Math.max(at, newest.get(name) ?? 0));
        const shown = (changed?.twins ?? []).map((t) => [t.propertyName, t.reported?.value]);
        expect(Object.fromEntries(shown)).toEqual(
          Object.fromEntries([...newest].map(([name, at]) => [name, `v${at}`])),
        );
      }),
    );
  });
});

describe("a report of a state", () => {
  const state = (device: object): DeviceReport => readStateReport(JSON.stringify({ event_id: "e", device }));

  it.each(["online", "offline", "ok", "unknown", "unhealthy"])("may be %s", (word) => {
    const changed = mergeReports({}, [state({ name: "d", state: word })], context).changed;
    expect(changed).toMatchObject({ state: word, reason: "Reported" });
  });

  it.each([
    { of: "another word", device: { state: "happy" } },
    { of: "no state", device: {} },
    { of: "a state that is no text", device: { state: 1 } },
    { of: "a time that is none", device: { state: "ok", lastOnlineTime: "yesterday" } },
    { of: "a day that is none", device: { state: "ok", lastOnlineTime: "2026-13-45T00:00:00Z" } },
  ])("with $of is refused", ({ device }) => {
    expect(() => state(device)).toThrow();
  });

  it("never lets lastOnlineTime go back", () => {
    const at = (time: string): DeviceReport => state({ state: "ok", lastOnlineTime: time });
    const reports = [at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z")];
    expect(mergeReports({}, reports, context).changed).toMatchObject({
      ...{ state: "ok", lastOnlineTime: "2026-01-02T00:00:00Z" },
    });
  });

  const whole = (life: DeviceReport["life"]): DeviceReport => ({
    ...{ properties: new Map(), skipped: {} },
    ...(life !== undefined && { life }),
  });

  it.each([
    { word: "online", status: "True" },
    { word: "ok", status: "True" },
    { word: "offline", status: "False" },
    { word: "unhealthy", status: "False" },
    { word: "unknown", status: "Unknown" },
  ])(
    "of $word makes the condition Online $status, with the reason that the edge gives",
    ({ word, status }) => {
      const report = whole({ state: word, reason: "MapperHung", message: "no answer for 30 s", mapper: "m" });
      expect(mergeReports({}, [report], context).changed).toEqual({
        ...{ state: word, reason: "MapperHung", message: "no answer for 30 s", mapper: "m" },
        conditions: [
          {
            ...{ type: "Online", status, reason: "MapperHung", message: "no answer for 30 s" },
            lastTransitionTime: new Date(NOW_MS).toISOString().replace(".000Z", "Z"),
          },
        ],
      });
    },
  );

  it("moves the time of the condition only when its status changes, and keeps the conditions of others", () => {
    const other = {
      type: "Calibrated",
      status: "True",
      reason: "R",
      message: "",
      lastTransitionTime: "t",
    } as const;
    const first = mergeReports({ conditions: [other] }, [whole({ state: "online" })], context).changed;
    const content = laidOver({}, first ?? {});
    const later = { ...context, nowMs: NOW_MS + 60_000 };
    const same = mergeReports(content, [whole({ state: "ok" })], later).changed;
    expect(same).toEqual({ state: "ok" });
    const gone = mergeReports(content, [whole({ state: "offline" })], later).changed;
    expect(gone?.conditions?.map(({ type }) => type)).toEqual(["Calibrated", "Online"]);
    const atMs = (of: Pick<DeviceStatusContent, "conditions"> | undefined): number =>
      Date.parse(of?.conditions?.[1]?.lastTransitionTime ?? "");
    expect(atMs(gone) - atMs(content)).toBe(60_000);
  });

  it("takes away what was said of an earlier state and is not said of this one", () => {
    const told = mergeReports(
      {},
      [whole({ state: "offline", message: "why", mapper: "m" })],
      context,
    ).changed;
    const content = laidOver({}, told ?? {});
    const { changed } = mergeReports(content, [whole({ state: "offline" })], context);
    expect(changed).toMatchObject({ message: null, mapper: null });
    expect(laidOver(content, changed ?? {})).not.toHaveProperty("message");
  });

  it("says where the device is and what it speaks, with values as with states, once", () => {
    const facts = { nodeName: "edge-1", protocol: "modbus" };
    const report = twins({ t: actual("1", 1) });
    const { changed } = mergeReports({}, [report], { ...context, facts });
    expect(changed).toMatchObject(facts);
    expect(
      mergeReports(laidOver({}, changed ?? {}), [report], { ...context, facts }).changed,
    ).toBeUndefined();
  });

  it("takes nothing from the values", () => {
    const changed = mergeReports(stored("1", 1), [state({ state: "ok" })], context).changed;
    expect(changed?.state).toBe("ok");
    expect(changed?.twins).toBeUndefined();
  });
});
