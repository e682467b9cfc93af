// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Registry } from "prom-client";
import { deviceMetrics } from "../../../src/hub/metrics.ts";
import { newestOf } from "../../../src/hub/uplink/device-order.ts";
import type { DeviceReport } from "../../../src/hub/uplink/device-report.ts";
import {
  DeviceWriter,
  defaultWriterOptions,
  type Cost,
  type DeviceTarget,
  type WriterOptions,
} from "../../../src/hub/uplink/device-writer.ts";
import type { UplinkSession } from "../../../src/hub/uplink/port.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";

interface Write {
  readonly node: string;
  readonly name: string;
  readonly value: string | undefined;
  readonly atMs: number;
}

const sessionOf = (node: string): { session: UplinkSession; end: () => void } => {
  const ended = new AbortController();
  const session = { node, connection: `c-${node}`, signal: ended.signal } as unknown as UplinkSession;
  return { session, end: () => ended.abort() };
};
const reportOf = (value: string, timestampMs?: number): DeviceReport => ({
  properties: new Map([["t", { reported: { value, ...(timestampMs !== undefined && { timestampMs }) } }]]),
  skipped: {},
});

let clock: FakeClock;
let registry: Registry;
let writes: Write[];
/** What a write does, beside being written down. */
let act: (cost: Cost) => Promise<void>;
let nodes: Map<string, ReturnType<typeof sessionOf>>;
let writer: DeviceWriter;
beforeEach(() => start());

function start(options: Partial<WriterOptions> = {}): void {
  clock = createFakeClock();
  registry = new Registry();
  writes = [];
  nodes = new Map();
  act = (cost) => {
    cost.writes += 1;
    return Promise.resolve();
  };
  writer = new DeviceWriter({
    clock,
    options: { ...defaultWriterOptions, writesPerSecond: 10, burst: 2, ...options },
    metrics: deviceMetrics(registry),
    run: async ({ session: { node }, name }, { properties }, cost) => {
      writes.push({ node, name, value: properties.get("t")?.reported?.value, atMs: clock.nowMs() });
      await act(cost);
    },
  });
}

const targetOf = (node: string, name: string, uid?: string): DeviceTarget => {
  const known = nodes.get(node) ?? sessionOf(node);
  nodes.set(node, known);
  return { session: known.session, namespace: "ns", name, ...(uid !== undefined && { uid }) };
};
const told: unknown[] = [];
beforeEach(() => void told.splice(0));
const say = (node: string, name: string, value: string, timestampMs?: number): boolean =>
  writer.add(targetOf(node, name), reportOf(value, timestampMs), {
    settle: (error) => void told.push(error === undefined ? `${name} ${value}` : error),
  });
async function pass(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 50) {
    clock.advance(50);
    await clock.settle();
  }
}
const valueOf = async (name: string): Promise<number | undefined> =>
  (await registry.getSingleMetric(name)?.get())?.values[0]?.value;

describe("the writer of device reports", () => {
  it("writes at once what comes after a rest, and no more than so many a second", async () => {
    for (let i = 0; i < 50; i++) say("a", `d${i}`, "1");
    await clock.settle();
    expect(writes).toHaveLength(2);
    await pass(1_000);
    expect(writes.length).toBeGreaterThanOrEqual(11);
    expect(writes.length).toBeLessThanOrEqual(12);
    await pass(10_000);
    expect(writes).toHaveLength(50);
  });

  it("writes of each device the newest only, and tells everybody who reported of it", async () => {
    start({ burst: 1 });
    say("a", "first", "1"); // takes the only token
    for (const value of ["1", "2", "3"]) say("a", "d", value);
    await clock.settle();
    expect(told).toEqual(["first 1"]);
    await pass(1_000);
    expect(writes.map(({ name, value }) => `${name} ${value}`)).toEqual(["first 1", "d 3"]);
    expect(told).toEqual(["first 1", "d 1", "d 2", "d 3"]);
    expect(await valueOf("longshore_device_reports_coalesced_total")).toBe(2);
  });

  it("writes that which waits longest first, and a newer report keeps its place in the line", async () => {
    start({ burst: 1 });
    for (const name of ["first", "b", "c", "d"]) say("a", name, "1");
    say("a", "b", "2");
    await pass(1_000);
    expect(writes.map(({ name }) => name)).toEqual(["first", "b", "c", "d"]);
  });

  it("lets nodes take turns: one that floods keeps nobody waiting", async () => {
    for (let i = 0; i < 5_000; i++) say("flood", `f${i}`, "1");
    say("quiet", "d", "1");
    await pass(300);
    expect(writes.filter(({ node }) => node === "quiet")).toHaveLength(1);
    for (let i = 0; i < 20; i++) say("quiet", `q${i}`, "1");
    const before = writes.length;
    await pass(2_000);
    const share = writes.slice(before).filter(({ node }) => node === "quiet").length;
    expect(share).toBeGreaterThanOrEqual(9);
  });

  it("never has one device in work twice, and forgets nothing that comes meanwhile", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    act = () => gate;
    say("a", "d", "1");
    say("a", "d", "2");
    await pass(1_000);
    expect(writes.map(({ value }) => value)).toEqual(["1"]);
    expect(told).toEqual([]);
    open();
    await pass(1_000);
    expect(writes.map(({ value }) => value)).toEqual(["1", "2"]);
    expect(told).toEqual(["d 1", "d 2"]);
  });

  it("tells why a report could not be written, and goes on", async () => {
    const error = new Error("no");
    act = () => Promise.reject(error);
    say("a", "d", "1");
    await clock.settle();
    expect(told).toEqual([error]);
    act = () => Promise.resolve();
    say("a", "d", "2");
    await pass(500);
    expect(told).toEqual([error, "d 2"]);
  });

  it("counts a write against its rate, and reads alone; what needed neither is free", async () => {
    act = () => Promise.resolve();
    for (let i = 0; i < 40; i++) say("a", `free${i}`, "1");
    await clock.settle();
    expect(writes).toHaveLength(40);
    act = (cost) => {
      cost.reads += 2;
      return Promise.resolve();
    };
    for (let i = 0; i < 40; i++) say("a", `read${i}`, "1");
    await pass(1_000);
    expect(writes.length).toBeLessThanOrEqual(40 + 12);
  });

  it("makes up for writes that had to be tried again", async () => {
    act = (cost) => {
      cost.writes += 5;
      return Promise.resolve();
    };
    for (let i = 0; i < 40; i++) say("a", `d${i}`, "1");
    await pass(5_000);
    expect(writes.length * 5).toBeLessThanOrEqual(50 + 2 + 5 * 5);
  });

  it("writes nothing of a session that has ended, and holds nothing of it", async () => {
    for (let i = 0; i < 20; i++) say("a", `d${i}`, "1");
    await clock.settle();
    nodes.get("a")?.end();
    await pass(5_000);
    expect(writes).toHaveLength(2);
    expect(writer.size).toBe(0);
    say("a", "later", "1");
    await pass(1_000);
    expect(writes).toHaveLength(2);
  });

  it.each([
    { of: "devices in all", options: { maxDevices: 3 }, fits: 3 },
    { of: "devices of one session", options: { maxDevicesPerSession: 2 }, fits: 2 },
    { of: "characters in all", options: { maxChars: 1_000 }, fits: 3 },
    { of: "characters of one session", options: { maxCharsPerSession: 700 }, fits: 2 },
  ])(
    "takes no more than its bound of $of, says so, and takes more when there is room again",
    async (given) => {
      start({ ...given.options, burst: 1 });
      say("a", "first", "1");
      await clock.settle(); // what is being written takes room, too
      const taken = Array.from({ length: 10 }, (_, i) => say("a", `d${i}`, "1"));
      expect(taken.filter(Boolean)).toHaveLength(given.fits);
      expect(say("a", "d0", "2")).toBe(true); // a newer report takes no more room
      await pass(2_000);
      expect(say("a", "d9", "1")).toBe(true);
    },
  );

  it("lets so many frames wait for one device: the oldest is refused for one more, and the newest values count", async () => {
    start({ maxWaiters: 2, burst: 1 });
    say("a", "first", "1");
    for (const value of ["1", "2", "3"]) expect(say("a", "d", value)).toBe(true);
    expect(told).toMatchObject([{ reason: "RATE" }]);
    await pass(1_000);
    expect(writes.at(-1)).toMatchObject({ name: "d", value: "3" });
    expect(told.slice(1)).toEqual(["first 1", "d 2", "d 3"]);
  });

  it("counts no frame that nobody waits for any more", () => {
    start({ maxWaiters: 2, burst: 1 });
    say("a", "first", "1");
    let refused = 0;
    const waiter = { settle: () => void (refused += 1), isGone: true };
    for (let i = 0; i < 5; i++) writer.add(targetOf("a", "d"), reportOf("1"), waiter);
    expect(refused).toBe(0);
  });

  it("tells how many devices wait and for how long", async () => {
    for (let i = 0; i < 5; i++) say("a", `d${i}`, "1");
    await clock.settle();
    clock.advance(40);
    expect(await valueOf("longshore_device_reports_waiting")).toBe(3);
    expect(await valueOf("longshore_device_reports_oldest_seconds")).toBeCloseTo(0.04);
  });

  it("loses and reorders nothing: whatever comes when, what is told of is written, and the newest last", async () => {
    const step = fc.record({
      node: fc.constantFrom("a", "b"),
      name: fc.constantFrom("d1", "d2", "d3"),
      waitMs: fc.constantFrom(0, 0, 50, 150),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        start();
        told.splice(0);
        const fails = steps.map((one) => one.fails);
        let run = 0;
        act = (cost) => {
          cost.writes += 1;
          return fails[run++] === true ? Promise.reject(new Error("passing")) : Promise.resolve();
        };
        const newest = new Map<string, string>();
        for (const [i, { node, name, waitMs }] of steps.entries()) {
          const value = String(i);
          newest.set(`${node} ${name}`, value);
          const repeat = (): void => {
            const settle = (error?: unknown): void => {
              if (error !== undefined && newest.get(`${node} ${name}`) === value) repeat();
            };
            writer.add(targetOf(node, name), reportOf(value), { settle });
          };
          repeat();
          await pass(waitMs);
        }
        await pass(20_000);
        expect(writer.size).toBe(0);
        for (const [key, value] of newest) {
          const last = writes.filter(({ node, name }) => `${node} ${name}` === key).at(-1);
          expect(last?.value).toBe(value);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("two reports laid over each other", () => {
  const NOW_MS = 1_800_000_000_000;
  const WITH = { nowMs: NOW_MS, maxProperties: 1_000 };
  const valueIn = (report: DeviceReport): string | undefined => report.properties.get("t")?.reported?.value;

  it.each([
    { when: "newer", first: 5, next: 6, want: "next" },
    { when: "older", first: 6, next: 5, want: "first" },
    { when: "of the same time", first: 5, next: 5, want: "next" },
    { when: "of no time", first: 6, next: undefined, want: "next" },
    {
      when: "older than a time that only a wrong clock can have told",
      first: NOW_MS + 60_001,
      next: 5,
      want: "next",
    },
    {
      when: "older than a time that a clock just ahead told",
      first: NOW_MS + 59_000,
      next: 5,
      want: "first",
    },
  ])("give $want where the second is $when", ({ first, next, want }) => {
    expect(valueIn(newestOf(reportOf("first", first), reportOf("next", next), WITH))).toBe(want);
  });

  it("keep what only one of them names, the last state, and the latest time at which the device was there", () => {
    const a: DeviceReport = {
      properties: new Map([["a", { reported: { value: "1" }, observedDesired: { value: "2" } }]]),
      life: { state: "ok", lastOnlineTime: "2026-01-02T00:00:00Z", reason: "Reported" },
      skipped: { empty: 1 },
    };
    const b: DeviceReport = {
      properties: new Map([
        ["a", { reported: { value: "3" } }],
        ["b", { reported: { value: "4" } }],
      ]),
      life: { state: "offline", reason: "MapperHung" },
      skipped: { empty: 1, name: 1 },
    };
    expect(newestOf(a, b, WITH)).toEqual({
      properties: new Map([
        ["a", { reported: { value: "3" }, observedDesired: { value: "2" } }],
        ["b", { reported: { value: "4" } }],
      ]),
      life: { state: "offline", reason: "MapperHung", lastOnlineTime: "2026-01-02T00:00:00Z" },
      skipped: { empty: 2, name: 1 },
    });
  });
});
