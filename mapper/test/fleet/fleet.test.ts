// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Driver } from "@longshore/mapper";
import { createCounters } from "../../src/counters.ts";
import { createFleet } from "../../src/fleet/fleet.ts";
import { withDefaults } from "../../src/options.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { aDevice, aLog, aModel } from "../support/gen.ts";

function aFleet(driver: Driver = { open: () => ({ read: () => 1 }) }) {
  const clock = createFakeClock();
  const counters = createCounters();
  const forgotten: object[] = [];
  const log = aLog();
  const fleet = createFleet(
    {
      driver,
      clock,
      options: withDefaults({ maxDevices: 2, maxModels: 1 }),
      counters,
      log,
      random: () => 0.5,
      dataPlane: { offer: () => undefined, forget: (device) => void forgotten.push(device) },
      edge: {
        isReady: () => false,
        status: () => Promise.resolve("later"),
        state: () => Promise.resolve("later"),
      },
    },
    "virtual",
  );
  return { clock, counters, fleet, forgotten, log };
}
const set = (...names: string[]) => ({ models: [aModel()], devices: names.map((name) => aDevice({ name })) });

describe("the edge's whole set", () => {
  it("removes what is not in it", () => {
    const { fleet } = aFleet();
    fleet.replaceAll(set("a", "b"), fleet.snapshot());
    fleet.replaceAll(set("b"), fleet.snapshot());
    expect(fleet.running()).toStrictEqual(["default/b"]);
  });

  it("is older than the calls that came while it was on its way", () => {
    const { fleet } = aFleet();
    fleet.replaceAll(set("a"), fleet.snapshot());
    const since = fleet.snapshot();
    fleet.putDevice(aDevice({ name: "b" }));
    void fleet.removeDevice("default/a");
    fleet.replaceAll(set("a"), since);
    expect(fleet.running()).toStrictEqual(["default/b"]);
  });

  it("is taken as far as it can be", () => {
    const { fleet, counters } = aFleet();
    fleet.replaceAll(set("", "a", "b", "c"), fleet.snapshot());
    expect(fleet.running()).toStrictEqual(["default/a", "default/b"]);
    expect(counters.read().refusedInput).toBe(2);
  });

  it("keeps a device that cannot be read from the others of its model", () => {
    const { fleet } = aFleet();
    const broken = aDevice({ name: "broken" });
    const typeUrl = "type.googleapis.com/google.protobuf.FloatValue";
    broken.spec!.protocol!.configData!.data = { host: { typeUrl, value: Buffer.of(0x0d, 1) } }; // cut off
    fleet.replaceAll({ models: [aModel()], devices: [broken, aDevice({ name: "a" })] }, fleet.snapshot());
    expect(fleet.running()).toStrictEqual(["default/a"]);
    fleet.putModel(aModel({ maximum: "50" }));
    fleet.removeModel("default/thermometer");
    expect(fleet.running()).toStrictEqual([]);
    fleet.putModel(aModel());
    expect(fleet.running()).toStrictEqual(["default/a"]);
  });
});

describe("a device", () => {
  it("runs once its model is there, in whatever order they come", () => {
    const { fleet } = aFleet();
    fleet.putDevice(aDevice());
    expect(fleet.running()).toStrictEqual([]);
    fleet.putModel(aModel());
    expect(fleet.running()).toStrictEqual(["default/hall"]);
  });

  it("A17 of another protocol is refused", () => {
    const { fleet } = aFleet();
    const device = aDevice();
    device.spec!.protocol!.protocolName = "modbus";
    expect(() => fleet.putDevice(device)).toThrow(expect.objectContaining({ code: "INVALID_DEVICE" }));
  });

  it("beyond the limit is refused, but one that is known is updated", () => {
    const { fleet } = aFleet();
    fleet.replaceAll(set("a", "b"), fleet.snapshot());
    expect(() => fleet.putDevice(aDevice({ name: "c" }))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
    expect(() => fleet.putDevice(aDevice({ name: "b", target: "3" }))).not.toThrow();
    expect(() => fleet.putModel(aModel({ name: "other" }))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  it("is not opened before the one that had its name is closed, however its driver hangs", async () => {
    const events: string[] = [];
    const { fleet, clock } = aFleet({
      open: () => {
        events.push("open");
        return { read: () => new Promise(() => undefined), close: () => void events.push("close") };
      },
    });
    fleet.putModel(aModel());
    fleet.putDevice(aDevice());
    await clock.advance(100);
    const removed = fleet.removeDevice("default/hall");
    fleet.putDevice(aDevice());
    await clock.advance(500);
    expect(events).toStrictEqual(["open"]);
    await clock.advance(1_000);
    await removed;
    expect(events).toStrictEqual(["open", "close", "open"]);
  });
});

describe("what of a device is left out", () => {
  const odd = (names: readonly string[]) => aDevice({ properties: names.map((name) => ({ name })) });

  it("is told and counted once, however often the device comes again, and anew when it is another", () => {
    const { fleet, counters, log } = aFleet();
    fleet.putModel(aModel());
    for (let i = 0; i < 3; i++) fleet.putDevice(odd(["target", "humidity"]));
    expect(counters.read().refusedInput).toBe(1);
    fleet.putDevice(odd(["target", "humidity", "pressure"]));
    const told = log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields);
    expect(told).toStrictEqual([
      { device: "default/hall", property: "humidity", reason: "not in the model" },
      { device: "default/hall", property: "pressure", reason: "not in the model" },
    ]);
  });

  it("of a push method is named by its kind, never by its address", () => {
    const { fleet, log } = aFleet();
    fleet.putModel(aModel());
    const http = { hostname: "http://user:secret@db.local" };
    fleet.putDevice(aDevice({ properties: [{ name: "target", pushMethod: { http } }] }));
    expect(log.lines.find(({ level }) => level === "warn")?.fields).toStrictEqual({
      ...{ device: "default/hall", property: "target", push: "http" },
      reason: "credentials in the address",
    });
    expect(JSON.stringify(log.lines)).not.toContain("secret");
  });
});

describe("what waits to be pushed", () => {
  it("is forgotten with its device, and not when only its model goes", () => {
    const { fleet, forgotten } = aFleet();
    fleet.replaceAll(set("a", "b"), fleet.snapshot());
    fleet.removeModel("default/thermometer");
    expect(forgotten).toStrictEqual([]);
    void fleet.removeDevice("default/a");
    fleet.replaceAll(set(), fleet.snapshot());
    expect(forgotten).toStrictEqual([
      { namespace: "default", name: "a" },
      { namespace: "default", name: "b" },
    ]);
  });
});

describe("programs beside the mapper", () => {
  const never = new AbortController().signal;

  it("see the devices that run, and their models", () => {
    const { fleet } = aFleet();
    fleet.replaceAll(set("b", "a"), fleet.snapshot());
    expect(fleet.api.devices()).toStrictEqual(["default/a", "default/b"]);
    const model = fleet.api.modelOf("default/a");
    expect(model).toMatchObject({
      ...{ namespace: "default", name: "thermometer" },
      properties: [{ name: "temperature" }, { name: "target", minimum: "-40", maximum: "100" }],
    });
    expect(fleet.api.model("default/thermometer")).toStrictEqual(model);
  });

  it("are told what is not here", async () => {
    const { fleet } = aFleet();
    const notFound = expect.objectContaining({ name: "FleetError", code: "NOT_FOUND" });
    fleet.putDevice(aDevice({ name: "waits" }));
    expect(() => fleet.api.modelOf("default/none")).toThrow(notFound);
    expect(() => fleet.api.modelOf("default/waits")).toThrow(notFound);
    expect(() => fleet.api.model("default/none")).toThrow(notFound);
    expect(() => fleet.api.methods("default/waits")).toThrow(notFound);
    await expect(fleet.api.read("default/waits", "target", never)).rejects.toEqual(notFound);
    const method = { name: "set", property: "target", text: "1" };
    await expect(fleet.api.call("default/none", method, never)).rejects.toEqual(notFound);
  });
});
