// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import { readDeviceBatch } from "@longshore/crds/wire";
import { until } from "../tunnel/fakes.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { device, model } from "./support/objects.ts";
import { startRoom } from "./support/room.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe("a property whose name is longer than the hub takes", () => {
  it("is left out of a report, so that the device's others arrive", async () => {
    const cloud = new FakeCloud();
    cloud.takesBatches = true;
    const bench = await startRoom({ cloud });
    stops.push(() => bench.stop());
    const long = "t".repeat(254);
    const properties = [...(device().spec?.properties ?? []), { name: long }];
    bench.store.put(model());
    bench.store.put(device("20", { spec: { properties } }));
    const twins = ["temperature", long].map((propertyName) => ({
      ...{ propertyName, observedDesired: { value: "" }, reported: { value: "21" } },
    }));
    await bench.side.call(dmi.DeviceManagerService.reportDeviceStatus, {
      deviceName: "d1",
      deviceNamespace: "default",
      reportedDevice: dmi.DeviceStatus.create({ twins }),
    });
    const told = (): unknown[] =>
      cloud.requests.flatMap(({ content }) => readDeviceBatch(content)?.devices ?? []);
    const hasValues = (entry: unknown): boolean =>
      typeof entry === "object" && entry !== null && "twins" in entry;
    await until(() => told().some((entry) => hasValues(entry) || "bad" in (entry as object)), "the report");
    expect(told().filter((entry) => "bad" in (entry as object))).toEqual([]);
    expect(await bench.metric("longshore_edge_twins_dropped_total", { reason: "property" })).toBe(1);
  });
});
