// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Device, DeviceModel } from "@longshore/crds/devices";
import { until } from "../tunnel/fakes.ts";
import { FakeMapper } from "./support/fake-mapper.ts";
import { device, model } from "./support/objects.ts";
import { serveOneDevice, startRoom } from "./support/room.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe("an object that is not as its definition says", () => {
  it.each([
    { what: "a model with nothing for a property", of: "model", properties: [null] },
    { what: "a model with no list of properties", of: "model", properties: {} },
    { what: "a device with nothing for a property", of: "device", properties: [null] },
    { what: "a device with no list of properties", of: "device", properties: "x" },
  ])("S37 $what ends nothing but the service of its device", async ({ of, properties }) => {
    const bench = await startRoom();
    stops.push(() => bench.stop());
    const mapper = new FakeMapper(bench.mapperPath);
    stops.push(() => mapper.die());
    const good = { model: model("odd"), device: device("1", { name: "odd" }) };
    const spec = { ...good.device.spec, deviceModelRef: { name: "odd" } };
    bench.store.put({
      ...good.model,
      spec: of === "model" ? { properties } : good.model.spec,
    } as unknown as DeviceModel);
    bench.store.put({
      ...good.device,
      spec: of === "device" ? { ...spec, properties } : spec,
    } as unknown as Device);
    await serveOneDevice(bench, mapper);
    await until(() => bench.lines.some((line) => line.includes("Unsupported")), "the verdict");
    expect(mapper.devices.has("odd")).toBe(false);
  });
});
