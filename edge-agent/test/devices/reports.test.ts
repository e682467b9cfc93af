// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  DeviceManagerService,
  DeviceStatus,
  MapperRegisterRequest,
  ReportDeviceStatesRequest,
  ReportDeviceStatusRequest,
  type DeepPartial,
} from "@longshore/crds/dmi";
import type { DmiCall, DmiHandlers } from "../../src/dmi/port.ts";
import type { UplinkRequest } from "../../src/tunnel/port.ts";
import { fakeClock, until, type FakeClock } from "../tunnel/fakes.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { MemoryRecords, MemoryStore } from "./support/memory.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench, type BenchOptions } from "./support/room.ts";

const START_MS = Date.UTC(2026, 0, 1);
const open: Bench[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.stop()));
});

/** A room with one device and model, on a real socket. */
async function bench(overrides: Partial<BenchOptions> = {}): Promise<Bench> {
  const fresh = await startRoom(overrides);
  open.push(fresh);
  fresh.store.put(model());
  fresh.store.put(device());
  return fresh;
}

interface ByHand {
  readonly bench: Bench;
  readonly clock: FakeClock;
  readonly cloud: FakeCloud;
  readonly report: (value: string, property?: string, device?: string) => void;
  readonly state: (state: string, device?: string) => void;
  /** Moves the clock step by step, letting replies arrive between. */
  readonly pass: (ms: number) => Promise<void>;
  readonly twins: () => { content: TwinContent; resource: string }[];
}

interface TwinContent {
  readonly event_id: string;
  readonly timestamp: number;
  readonly twin: Record<string, { actual?: { value: string; metadata: { timestamp: number } } }>;
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

/** The same without a socket, on a clock that a test moves. */
const CALL: DmiCall = { isCancelled: () => false };

async function byHand(overrides: Partial<BenchOptions> = {}): Promise<ByHand> {
  const clock = fakeClock(START_MS);
  let handlers: DmiHandlers | undefined;
  const options = { minGapMs: 1_000, repeatSpreadMs: 5_000, writeBehindMs: 5_000, ...overrides.options };
  const fresh = await bench({
    clock,
    openServer: (_options, given) => {
      handlers = given;
      return Promise.resolve({ stop: () => Promise.resolve() });
    },
    ...overrides,
    options,
  });
  const { cloud } = fresh;
  return {
    bench: fresh,
    clock,
    cloud,
    report: (value, propertyName = "temperature", deviceName = "d1") =>
      handlers?.reportDeviceStatus(
        ReportDeviceStatusRequest.create({
          deviceName,
          deviceNamespace: "default",
          reportedDevice: {
            twins: [{ propertyName, observedDesired: { value: "20" }, reported: { value } }],
          },
        }),
        CALL,
      ),
    state: (state, deviceName = "d1") =>
      handlers?.reportDeviceStates({ deviceName, deviceNamespace: "default", state }, CALL),
    pass: async (ms) => {
      await turns();
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(Math.min(100, ms - passed));
        await turns();
      }
    },
    twins: () =>
      cloud.requests
        .filter(({ resource }) => resource.endsWith("/twin/edge_updated"))
        .map(({ resource, content }) => ({ resource, content: content as TwinContent })),
  };
}

const valuesOf = ({ twins }: ByHand): (string | undefined)[] =>
  twins().map(({ content }) => content.twin["temperature"]?.actual?.value);
const statesOf = (requests: readonly UplinkRequest[]): { state: string; lastOnlineTime?: string }[] =>
  requests
    .filter(({ resource }) => resource.endsWith("/state/update"))
    .map(({ content }) => (JSON.parse(content as string) as { device: { state: string } }).device);

type Report = DeepPartial<ReportDeviceStatusRequest>;
const named = { deviceName: "d1", deviceNamespace: "default" };
const twin = { propertyName: "temperature", observedDesired: { value: "1" }, reported: { value: "2" } };

describe("what mappers may not say", () => {
  const manyTwins = Array.from({ length: 1001 }, () => twin);
  it.each<{ id: string; when: string; report: Report; code: number; text: RegExp }>([
    { id: "S37", when: "nothing", report: {}, code: 3, text: /deviceName is missing/ },
    { id: "S37", when: "no namespace", report: { deviceName: "d1" }, code: 3, text: /deviceNamespace/ },
    { id: "S37", when: "no values", report: named, code: 3, text: /twins is empty/ },
    {
      id: "B120",
      when: "a twin without a name",
      report: { ...named, reportedDevice: { twins: [{ observedDesired: { value: "1" } }] } },
      code: 3,
      text: /twins\[0\].propertyName is missing/,
    },
    {
      id: "B120",
      when: "a twin without observedDesired",
      report: {
        ...named,
        reportedDevice: { twins: [twin, { propertyName: "on", reported: { value: "1" } }] },
      },
      code: 3,
      text: /twins\[1\].observedDesired is missing/,
    },
    {
      id: "W19",
      when: "more properties than a device can have",
      report: { ...named, reportedDevice: { twins: manyTwins } },
      code: 3,
      text: /more than 1000/,
    },
    {
      id: "W19",
      when: "a value without end",
      report: { ...named, reportedDevice: { twins: [{ ...twin, reported: { value: "x".repeat(16_385) } }] } },
      code: 3,
      text: /more than 16384 characters/,
    },
    {
      id: "W19",
      when: "a property that the device does not have",
      report: { ...named, reportedDevice: { twins: [{ ...twin, propertyName: "pressure" }] } },
      code: 5,
      text: /none of the reported properties/,
    },
    {
      id: "W19",
      when: "a device that is not this node's",
      report: { ...named, deviceName: "d9", reportedDevice: { twins: [twin] } },
      code: 5,
      text: /no device of that namespace and name/,
    },
  ])("$id $when is refused with code $code, counted, and told once", async ({ report, code, text }) => {
    const own = await bench();
    const request = ReportDeviceStatusRequest.create(report);
    const call = () => own.side.call(DeviceManagerService.reportDeviceStatus, request);
    await expect(call()).rejects.toMatchObject({ code, details: expect.stringMatching(text) as unknown });
    await expect(call()).rejects.toMatchObject({ code });
    const labels = { method: "ReportDeviceStatus", code: String(status[code]) };
    expect(await own.metric("longshore_edge_dmi_requests_total", labels)).toBe(2);
    expect(own.lines.filter((line) => line.includes("call is refused"))).toHaveLength(1);
    expect(own.cloud.requests.filter(({ resource }) => resource.includes("twin"))).toEqual([]);
  });

  it("W19 a state that is none is refused", async () => {
    const own = await bench();
    const request = ReportDeviceStatesRequest.create({ ...named, state: "sleepy" });
    await expect(own.side.call(DeviceManagerService.reportDeviceStates, request)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "state must be one of online, offline, ok, unknown, unhealthy",
    });
  });

  it.each([
    { when: "B119 no mapper", request: { withData: true }, text: /mapper is missing/ },
    { when: "no name", request: { mapper: { protocol: "p" } }, text: /mapper.name/ },
    { when: "no protocol", request: { mapper: { name: "m" } }, text: /mapper.protocol/ },
    { when: "no address", request: { mapper: { name: "m", protocol: "p" } }, text: /mapper.address/ },
  ])("a registration with $when is refused", async ({ request, text }) => {
    const own = await bench();
    const call = own.side.call(DeviceManagerService.mapperRegister, MapperRegisterRequest.create(request));
    await expect(call).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(text) as unknown,
    });
  });

  it("W19 takes the properties that the device has out of a report with others", async () => {
    const own = await bench();
    const reportedDevice = DeviceStatus.create({ twins: [twin, { ...twin, propertyName: "pressure" }] });
    await own.side.call(DeviceManagerService.reportDeviceStatus, { ...named, reportedDevice });
    await until(() => own.cloud.requests.some(({ resource }) => resource.includes("twin")), "the twin");
    expect(await own.metric("longshore_edge_twins_dropped_total", { reason: "property" })).toBe(1);
  });

  it("bounds mappers, registrations and reports, each with RESOURCE_EXHAUSTED", async () => {
    const own = await bench({
      options: {
        maxMappers: 1,
        registerRate: { perSecond: 0.001, burst: 2 },
        reportRate: { perSecond: 0.001, burst: 1 },
      },
    });
    const exhausted = { code: status.RESOURCE_EXHAUSTED };
    await own.register();
    await expect(own.register({ protocol: "other" })).rejects.toMatchObject(exhausted);
    await expect(own.register()).rejects.toMatchObject({
      ...exhausted,
      details: "mappers register too often",
    });
    await own.report("temperature", "1");
    await expect(own.report("temperature", "2")).rejects.toMatchObject(exhausted);
  });

  it("R36 W19 takes 200 reports a second for a minute, refuses none, and sends one frame a second", async () => {
    const { report, pass, bench: own, ...rest } = await byHand();
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 200; i++) report(`${second}.${i}`);
      await pass(1_000);
    }
    const frames = valuesOf({ report, pass, bench: own, ...rest });
    expect(frames.length).toBeGreaterThanOrEqual(59);
    expect(frames.length).toBeLessThanOrEqual(62);
    expect(frames[0]).toBe("0.0");
    await pass(1_000);
    expect(valuesOf({ report, pass, bench: own, ...rest }).at(-1)).toBe("59.199");
  });
});

describe("twins on their way to the cloud", () => {
  it("are framed as the wire says, with the model's type and the time of the report", async () => {
    const { report, twins, pass } = await byHand();
    report("22");
    await pass(0);
    expect(twins()).toEqual([
      {
        resource: "device/default/d1/twin/edge_updated",
        content: {
          event_id: expect.any(String) as unknown,
          timestamp: START_MS,
          twin: {
            temperature: {
              actual: { value: "22", metadata: { timestamp: START_MS } },
              expected: { value: "20", metadata: { timestamp: START_MS } },
              optional: false,
              metadata: { type: "int" },
            },
          },
        },
      },
    ]);
  });

  it("carry the mapper's own time and type, and only what was observed where nothing was reported", async () => {
    const own = await bench();
    const reportedDevice = DeviceStatus.create({
      twins: [
        {
          propertyName: "on",
          observedDesired: { value: "true", metadata: { timestamp: "1700000000000", type: "bool" } },
        },
      ],
    });
    await own.side.call(DeviceManagerService.reportDeviceStatus, { ...named, reportedDevice });
    const frame = () => own.cloud.requests.find(({ resource }) => resource.includes("twin"));
    await until(() => frame() !== undefined, "the twin");
    expect(frame()).toMatchObject({ source: "twin", group: "resource", operation: "update" });
    expect((frame()?.content as TwinContent).twin).toEqual({
      on: {
        expected: { value: "true", metadata: { timestamp: 1700000000000 } },
        optional: false,
        metadata: { type: "bool" },
      },
    });
  });

  it("keep at most one in flight a device and the latest value last", async () => {
    const cloud = new FakeCloud();
    const hand = await byHand({ cloud });
    for (const value of ["1", "2", "3", "4"]) hand.report(value);
    await hand.pass(3_000);
    expect(valuesOf(hand)).toEqual(["1", "4"]);
    expect(cloud.maxInFlight).toBeLessThanOrEqual(2);
  });

  it("wait for the reply to the one before, however slow the cloud is", async () => {
    const hand = await byHand();
    await hand.pass(2_000);
    const releases: (() => void)[] = [];
    hand.cloud.delay = () => new Promise((resolve) => releases.push(resolve));
    for (const value of ["1", "2", "3"]) {
      hand.report(value);
      await hand.pass(5_000);
    }
    expect(valuesOf(hand)).toEqual(["1"]);
    releases[0]?.();
    await hand.pass(0);
    expect(valuesOf(hand)).toEqual(["1", "3"]);
    for (const release of releases) release();
  });

  it("are sent again until confirmed, ever more rarely and at least once a minute", async () => {
    const hand = await byHand();
    hand.cloud.answer = () => undefined;
    hand.report("1");
    await hand.pass(600_000);
    const count = valuesOf(hand).length;
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThan(30);
    hand.cloud.answer = () => ({ content: "OK" });
    await hand.pass(60_000);
    const confirmed = valuesOf(hand).length;
    await hand.pass(600_000);
    expect(valuesOf(hand)).toHaveLength(confirmed);
  });

  it("are not confirmed by an error of the cloud", async () => {
    const hand = await byHand();
    hand.cloud.answer = () => ({ operation: "error", content: "no" });
    hand.report("1");
    await hand.pass(5_000);
    expect(valuesOf(hand).length).toBeGreaterThan(2);
    expect(hand.bench.lines.filter((line) => line.includes("not confirmed")).length).toBeLessThan(3);
  });

  it("R2 that came while offline arrive on connect, of each only the latest, then all of them once more", async () => {
    const cloud = new FakeCloud(false);
    const hand = await byHand({ cloud });
    for (let i = 0; i < 500; i++) hand.report(String(i));
    await hand.pass(3_600_000 / 60);
    expect(hand.twins()).toEqual([]);
    cloud.connect(true);
    await hand.pass(0);
    expect(valuesOf(hand)).toEqual(["499"]);
    await hand.pass(10_000);
    expect(valuesOf(hand)).toEqual(["499", "499"]);
    cloud.connect(false);
    cloud.connect(true);
    await hand.pass(10_000);
    expect(valuesOf(hand)).toEqual(["499", "499", "499"]);
  });

  it("do not crowd out the rest of the tunnel: at most 8 of all devices wait for a reply", async () => {
    const cloud = new FakeCloud(false);
    const hand = await byHand({ cloud });
    for (let i = 0; i < 50; i++) {
      hand.bench.store.put(device("1", { name: `x${i}` }));
      hand.report("1", "temperature", `x${i}`);
    }
    cloud.connect(true);
    await hand.pass(20_000);
    expect(new Set(hand.twins().map(({ resource }) => resource)).size).toBe(50);
    expect(cloud.maxInFlight).toBeLessThanOrEqual(16); // 8 twins and 8 states
  });

  it("of many properties go in frames that the wire takes", async () => {
    const names = Array.from({ length: 900 }, (_, i) => `p${i}`);
    const hand = await byHand();
    hand.bench.store.put(device("1", { spec: { properties: names.map((name) => ({ name })) } }));
    for (const name of names) hand.report("x".repeat(200), name);
    await hand.pass(10_000);
    const frames = hand.twins().map(({ content }) => Object.keys(content.twin).length);
    expect(Math.max(...frames)).toBeLessThanOrEqual(500);
    expect(new Set(hand.twins().flatMap(({ content }) => Object.keys(content.twin))).size).toBe(900);
  });

  it("find no room beyond the limit of all values, and say so", async () => {
    const hand = await byHand({ options: { maxTotalChars: 100 } });
    hand.report("x".repeat(60));
    expect(() => hand.report("x".repeat(60), "on")).toThrow("no room");
    hand.report("y".repeat(60));
    hand.bench.store.remove("device/default/d1");
    hand.bench.store.put(device());
    hand.report("x".repeat(60), "on");
    expect(await hand.bench.metric("longshore_edge_twins_dropped_total", { reason: "room" })).toBe(1);
  });

  it("of a device that is gone, or of another with its name, are forgotten", async () => {
    const cloud = new FakeCloud(false);
    const hand = await byHand({ cloud });
    hand.report("1");
    hand.bench.store.put(device("20", { uid: "another" }));
    cloud.connect(true);
    await hand.pass(10_000);
    expect(hand.twins()).toEqual([]);
  });
});

describe("reports and the disk", () => {
  it("cost no write while the cloud confirms them", async () => {
    const hand = await byHand();
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 10; i++) hand.report(`${second}.${i}`);
      await hand.pass(1_000);
    }
    expect(hand.bench.records.list("device-twins")).toEqual([]);
    // One says that no mapper had registered.
    expect(hand.bench.records.list("device-health")).toHaveLength(1);
    expect(hand.bench.records.writes).toBe(1);
  });

  it("are written at most every 5 s while nobody confirms them, and taken away when somebody does", async () => {
    const cloud = new FakeCloud(false);
    const hand = await byHand({ cloud });
    for (let second = 0; second < 60; second++) {
      hand.report(String(second));
      await hand.pass(1_000);
    }
    const written = hand.bench.records.writes;
    expect(written).toBeGreaterThanOrEqual(11);
    expect(written).toBeLessThanOrEqual(14); // 12 of the twin, 1 or 2 of the state
    cloud.connect(true);
    await hand.pass(20_000);
    expect(hand.bench.records.list("device-twins")).toEqual([]);
    expect(hand.bench.records.list("device-states")).toEqual([]);
  });

  it("R2 that were never confirmed are sent after a restart, those of devices that went away are not", async () => {
    const [records, store, cloud] = [new MemoryRecords(), new MemoryStore(), new FakeCloud(false)];
    const hand = await byHand({ records, store, cloud });
    store.put(device("1", { name: "d2" }));
    hand.report("41");
    hand.report("42");
    hand.report("1", "temperature", "d2");
    hand.state("ok");
    await hand.pass(5_000); // and the agent is killed: what is written is written
    store.remove("device/default/d2");
    const next = await byHand({ records: copyOf(records), store, cloud });
    cloud.requests.length = 0;
    cloud.connect(true);
    await next.pass(0);
    const values = next
      .twins()
      .map(({ resource, content }) => [resource, content.twin["temperature"]?.actual?.value]);
    expect(new Set(values.map((value) => value.join(" ")))).toEqual(
      new Set(["device/default/d1/twin/edge_updated 42"]),
    );
    expect(statesOf(cloud.requests).map(({ state }) => state)).toContain("ok");
  });

  it("of a property that the device has no more go from there too, for a restart would send them", async () => {
    const hand = await byHand({ cloud: new FakeCloud(false) });
    hand.report("41");
    await hand.pass(5_000);
    expect(hand.bench.records.list("device-twins")).toHaveLength(1);
    hand.bench.store.put(device("20", { spec: { properties: [{ name: "on" }] } }));
    await hand.pass(5_000);
    expect(hand.bench.records.list("device-twins")).toEqual([]);
  });

  it("are written at once when the agent stops in order", async () => {
    const hand = await byHand({ cloud: new FakeCloud(false) });
    hand.report("7");
    await hand.bench.room.stop();
    expect(hand.bench.records.get("device-twins", "default/d1")).toMatchObject({
      uid: "uid-d1",
      twins: { temperature: { reported: { value: "7" } } },
    });
  });
});

/** What is on disk at this moment. */
function copyOf(records: MemoryRecords): MemoryRecords {
  const copy = new MemoryRecords();
  for (const bucket of ["device-twins", "device-states", "device-mappers", "device-held"])
    for (const [key, value] of records.list(bucket)) void copy.put(bucket, key, value);
  return copy;
}

describe("states on their way to the cloud", () => {
  it("are a JSON text, with the time only while the device is up", async () => {
    const hand = await byHand();
    await hand.pass(2_000);
    hand.cloud.requests.length = 0;
    hand.state("ok");
    await hand.pass(2_000);
    hand.state("offline");
    await hand.pass(2_000);
    expect(hand.cloud.requests[0]).toMatchObject({
      source: "twin",
      group: "resource",
      operation: "update",
      resource: "device/default/d1/state/update",
    });
    expect(statesOf(hand.cloud.requests)).toEqual([
      { name: "d1", state: "ok", lastOnlineTime: "2026-01-01T00:00:02Z" },
      { name: "d1", state: "offline" },
    ]);
  });

  it("say unknown of a device that no mapper serves, until one does", async () => {
    const hand = await byHand();
    await hand.pass(2_000);
    expect(statesOf(hand.cloud.requests)).toEqual([{ name: "d1", state: "unknown" }]);
    hand.bench.store.put(device("21"));
    await hand.pass(2_000);
    expect(statesOf(hand.cloud.requests)).toHaveLength(1);
    hand.state("online");
    await hand.pass(2_000);
    expect(statesOf(hand.cloud.requests).at(-1)).toMatchObject({ state: "online" });
  });
});
