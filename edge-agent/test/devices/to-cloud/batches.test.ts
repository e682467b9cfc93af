// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { readDeviceBatch, type BatchResult, type DeviceBatch, type DeviceEntry } from "@longshore/crds/wire";
import fc from "fast-check";
import { Registry } from "prom-client";
import { createDeviceMetrics } from "../../../src/devices/metrics.ts";
import type { BatchOptions } from "../../../src/devices/to-cloud/batch-sender.ts";
import { Reporter, STATE_BUCKET, TWIN_BUCKET } from "../../../src/devices/to-cloud/reporter.ts";
import type { DeviceVerdict } from "../../../src/devices/verdict.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { MemoryRecords } from "../support/memory.ts";

const turns = async (times = 50): Promise<void> => {
  for (let i = 0; i < times; i++) await Promise.resolve();
};

const open: Reporter[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((reporter) => reporter.stop()));
});

interface WorldOptions {
  readonly records?: MemoryRecords;
  readonly batch?: Partial<BatchOptions>;
  readonly clock?: ReturnType<typeof fakeClock>;
  readonly connected?: boolean;
  readonly takesBatches?: boolean;
}

/** The reporting half of an agent, towards a hub that takes batches. */
function world({ records = new MemoryRecords(), batch, ...options }: WorldOptions = {}) {
  const cloud = new FakeCloud(options.connected ?? true);
  cloud.takesBatches = options.takesBatches ?? true;
  const clock = options.clock ?? fakeClock(Date.UTC(2026, 0, 1));
  const registry = new Registry();
  const log = fakeLog();
  const results = new Map<string, BatchResult>();
  cloud.answer = ({ content }) => ({
    content: {
      results: (content as DeviceBatch).devices.map(({ device }) => results.get(device) ?? ["OK"]),
    },
  });
  const reporter = new Reporter({
    ...{ records, uplink: cloud, clock, log },
    newId: () => "id",
    random: () => 0.5,
    metrics: createDeviceMetrics(registry),
    sender: { minGapMs: 1_000, maxInFlight: 2, timeoutMs: 60_000, repeatSpreadMs: 5_000 },
    limits: { maxTotalChars: 10_000_000, maxFrameTwins: 500, maxFrameChars: 100_000 },
    writeBehindMs: 5_000,
    uidOf: (key) => `uid ${key}`,
    ...(batch && { batch }),
  });
  open.push(reporter);
  const report = (name: string, value: string, property = "t"): boolean => {
    const sample = { value, timestampMs: clock.nowMs(), isStamped: false };
    const twin = { property, reported: sample, observed: undefined, type: "int" };
    return reporter.twins(`ns/${name}`, `uid ns/${name}`, [twin]);
  };
  const state = (name: string, verdict: DeviceVerdict | "ok"): void =>
    reporter.state(`ns/${name}`, `uid ns/${name}`, verdict);
  const batches = (): DeviceBatch[] => cloud.requests.map(({ content }) => content as DeviceBatch);
  const names = (): string[][] =>
    batches().map(({ devices }) => devices.map(({ device }) => device.slice(3)));
  const pass = async (ms: number, stepMs = 100): Promise<void> => {
    for (let gone = 0; gone < ms; gone += stepMs) {
      await turns();
      clock.advance(stepMs);
    }
    await turns();
  };
  return { records, cloud, clock, registry, log, results, reporter, report, state, batches, names, pass };
}

const valueOf = (entry: DeviceEntry | undefined): string | undefined => entry?.twins?.[0]?.[2]?.[0];

describe("reports to a hub that takes batches", () => {
  it("go at once after a rest, as one frame that the hub can read, with the state before the values", async () => {
    const w = world();
    const verdict = { state: "offline", reason: "MapperHung", message: "no answer", mapper: "m" } as const;
    w.state("a", verdict);
    expect(w.cloud.requests).toMatchObject([
      { source: "twin", group: "resource", operation: "update", resource: "devices/batch" },
    ]);
    await w.pass(500);
    w.report("a", "1");
    w.state("a", verdict);
    await w.pass(1_000);
    const last = w.batches().at(-1);
    expect(last).toEqual({
      sentMs: expect.any(Number) as unknown,
      devices: [
        {
          ...{ device: "ns/a", uid: "uid ns/a", state: verdict },
          twins: [["t", "int", ["1", expect.any(Number) as unknown], null]],
        },
      ],
    });
    expect(readDeviceBatch(last)).toEqual(last);
  });

  it("of a mere word are of the reason Reported, and say when the device was there", async () => {
    const w = world();
    w.state("a", "ok");
    await turns();
    expect(w.batches()[0]?.devices[0]?.state).toEqual({
      ...{ state: "ok", reason: "Reported", lastOnlineTime: "2026-01-01T00:00:00Z" },
    });
  });

  it("gather while one is on its way, at most so many devices in one frame", async () => {
    const w = world({ batch: { maxDevices: 3, maxInFlight: 1, gapMs: 100 } });
    for (const name of ["a", "b", "c", "d", "e"]) w.report(name, "1");
    await w.pass(300);
    expect(w.names()).toEqual([["a"], ["b", "c", "d"], ["e"]]);
  });

  it("leave room in a frame: what does not fit goes with the next, and one that fits in none goes alone", async () => {
    const w = world({ batch: { maxBytes: 1_000, maxInFlight: 1 } });
    w.report("first", "1");
    w.report("big", "x".repeat(2_000));
    w.report("small", "1");
    w.report("medium", "x".repeat(900));
    await w.pass(500);
    expect(w.names()).toEqual([["first"], ["big"], ["small"], ["medium"]]);
  });

  it("are on their way in so many frames only; the rest waits here, where newer replaces older", async () => {
    const w = world({ batch: { maxDevices: 1, maxInFlight: 2 } });
    const releases: (() => void)[] = [];
    w.cloud.delay = () => new Promise((resolve) => releases.push(resolve));
    for (const name of ["a", "b", "c"]) w.report(name, "1");
    await w.pass(5_000);
    w.report("c", "2");
    expect(w.names()).toEqual([["a"], ["b"]]);
    releases[0]?.();
    await w.pass(200);
    expect(w.names()).toEqual([["a"], ["b"], ["c"]]);
    expect(valueOf(w.batches()[2]?.devices[0])).toBe("2");
  });

  it("of one device keep their distance, however fast they come", async () => {
    const w = world();
    for (let i = 0; i < 40; i++) {
      w.report("a", String(i));
      await w.pass(100);
    }
    expect(w.batches().length).toBeLessThanOrEqual(5);
    await w.pass(1_000);
    expect(valueOf(w.batches().at(-1)?.devices[0])).toBe("39");
  });

  it.each<[string, BatchResult, { again: number; tellsPeople: boolean }]>([
    ["OK is not sent again", ["OK"], { again: 0, tellsPeople: false }],
    ["WAITING is sent again soon, and is nobody's fault", ["WAITING"], { again: 4, tellsPeople: false }],
    ["LATER is sent again, less and less often, and told once", ["LATER"], { again: 2, tellsPeople: true }],
    ["FORBIDDEN likewise", ["FORBIDDEN", "no"], { again: 2, tellsPeople: true }],
  ])("that the hub answers with %s; others of the batch are confirmed", async (_what, result, want) => {
    const w = world({ batch: { gapMs: 0, maxInFlight: 1 } });
    w.results.set("ns/a", result);
    w.report("x", "1");
    w.report("a", "1");
    w.report("b", "1");
    await w.pass(5_000);
    const sent = w.names().flat();
    expect(sent.filter((name) => name === "b")).toHaveLength(1);
    const again = sent.filter((name) => name === "a").length - 1;
    expect(again).toBeGreaterThanOrEqual(want.again);
    expect(again).toBeLessThanOrEqual(want.again * 2);
    const told = w.log.lines.filter((line) => line.includes("is not confirmed"));
    expect(told).toHaveLength(want.tellsPeople ? 1 : 0);
  });

  it.each([
    ["refused whole", { operation: "error", content: "no" }],
    ["answered with nonsense", { content: "OK" }],
    ["answered for too few devices", { content: { results: [] } }],
    ["not answered", undefined],
  ])("that were %s are sent again", async (_what, answer) => {
    const w = world();
    const { answer: well } = w.cloud;
    w.cloud.answer = () => answer;
    w.report("a", "1");
    await turns();
    w.cloud.answer = well;
    await w.pass(3_000);
    expect(w.names()).toEqual([["a"], ["a"]]);
    await w.pass(60_000, 1_000);
    expect(w.names()).toHaveLength(2);
  });

  it("R2 go newest first after an outage, all in few frames", async () => {
    const w = world({ connected: false });
    for (const name of ["a", "b", "c"]) w.report(name, "1");
    w.clock.advance(1_000);
    w.state("b", "ok");
    w.report("a", "2");
    w.cloud.connect(true);
    await turns();
    expect(w.names()).toEqual([["a", "b", "c"]]);
  });

  it("go in frames of their own to a cloud that takes none, with nothing that it does not know", async () => {
    const w = world({ takesBatches: false });
    const { answer } = w.cloud;
    w.cloud.answer = () => ({ content: "OK" });
    w.state("a", { state: "offline", reason: "MapperHung", message: "no answer", mapper: "m" });
    w.report("a", "1");
    await turns();
    expect(w.cloud.requests.map(({ resource }) => resource)).toEqual([
      "device/ns/a/state/update",
      "device/ns/a/twin/edge_updated",
    ]);
    const content = JSON.parse(w.cloud.requests[0]?.content as string) as { device: object };
    expect(content.device).toEqual({ name: "a", state: "offline" });
    // And after an update of the cloud, in batches: all of it, for it may have been lost.
    w.cloud.connect(false);
    w.cloud.takesBatches = true;
    w.cloud.answer = answer;
    w.cloud.requests.length = 0;
    w.cloud.connect(true);
    await w.pass(10_000);
    expect(w.cloud.requests.map(({ resource }) => resource)).toEqual(["devices/batch"]);
  });

  it("are not written to disk while the hub has each in its turn, and are when the hub is gone", async () => {
    const w = world();
    w.report("a", "0");
    await w.pass(1_000);
    w.results.set("ns/a", ["WAITING"]);
    const { writes } = w.records;
    for (let i = 1; i <= 30; i++) {
      w.report("a", String(i));
      await w.pass(1_000);
    }
    expect(w.records.writes).toBe(writes);
    w.cloud.connect(false);
    await w.pass(6_000);
    expect(w.records.get(TWIN_BUCKET, "ns/a")).toMatchObject({ twins: { t: { reported: { value: "30" } } } });
  });

  it("keep why a device is in its state over a restart", async () => {
    const w = world({ connected: false });
    w.state("a", { state: "offline", reason: "MapperHung", message: "no answer", mapper: "m" });
    await w.reporter.stop();
    expect(w.records.get(STATE_BUCKET, "ns/a")).toMatchObject({ reason: "MapperHung" });
    const next = world({ records: w.records });
    await turns();
    expect(next.batches()[0]?.devices[0]?.state).toMatchObject({
      ...{ state: "offline", reason: "MapperHung", message: "no answer", mapper: "m" },
    });
  });

  it("stop with a device that is gone", async () => {
    const w = world();
    w.results.set("ns/a", ["WAITING"]);
    w.report("a", "1");
    await turns();
    w.reporter.forget("ns/a");
    w.cloud.requests.length = 0;
    await w.pass(10_000);
    expect(w.cloud.requests).toEqual([]);
  });
});

type Step =
  | { readonly do: "report"; readonly name: string; readonly property: string }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "answer"; readonly how: "well" | "waiting" | "later" | "lost" | "written but lost" }
  | { readonly do: "link" | "restart" };

describe("whatever happens to link, hub and agent", () => {
  it("R2 the newest value of each property ends in the cloud, and an older one never follows a newer one", async () => {
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("report" as const),
          name: fc.constantFrom("a", "b", "c"),
          property: fc.constantFrom("t", "u"),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(100, 1_000, 6_000) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant("answer" as const),
          how: fc.constantFrom("well", "waiting", "later", "lost", "written but lost"),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("link" as const, "restart" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const stored = new Map<string, number>();
        const newest = new Map<string, number>();
        let how: (Step & { do: "answer" })["how"] = "well";
        let value = 0;
        const write = (content: unknown): void => {
          for (const { device, twins = [] } of (content as DeviceBatch).devices)
            for (const [property, , reported] of twins) {
              const told = Number(reported?.[0]);
              const key = `${device} ${property}`;
              expect(told).toBeGreaterThanOrEqual(stored.get(key) ?? 0);
              stored.set(key, told);
            }
        };
        const attach = (w: ReturnType<typeof world>): ReturnType<typeof world> => {
          const { answer } = w.cloud;
          w.cloud.answer = (request) => {
            if (how === "well" || how === "written but lost") write(request.content);
            if (how === "well") return answer(request);
            if (how === "lost" || how === "written but lost") return undefined;
            const code = how === "waiting" ? "WAITING" : "LATER";
            const { devices } = request.content as DeviceBatch;
            return { content: { results: devices.map(() => [code]) } };
          };
          return w;
        };
        let w = attach(world());
        for (const one of steps) {
          if (one.do === "report") {
            newest.set(`ns/${one.name} ${one.property}`, ++value);
            w.report(one.name, String(value), one.property);
          } else if (one.do === "pass") await w.pass(one.ms);
          else if (one.do === "answer") ({ how } = one);
          else if (one.do === "link") w.cloud.connect(!w.cloud.connected);
          else {
            await w.reporter.stop();
            w = attach(world({ records: w.records, clock: w.clock, connected: w.cloud.connected }));
          }
        }
        how = "well";
        if (!w.cloud.connected) w.cloud.connect(true);
        await w.pass(130_000, 1_000);
        expect(stored).toEqual(newest);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
