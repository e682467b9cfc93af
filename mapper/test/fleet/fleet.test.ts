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
  const fleet = createFleet(
    {
      driver,
      clock,
      options: withDefaults({ maxDevices: 2, maxModels: 1 }),
      counters,
      log: aLog(),
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
  return { clock, counters, fleet, forgotten };
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
