// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { until } from "../tunnel/fakes.ts";
import { FakeMapper } from "./support/fake-mapper.ts";
import { device } from "./support/objects.ts";
import { serveOneDevice, startRoom } from "./support/room.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe("a device that is deleted and made anew with the same name and settings", () => {
  it("is told to its mapper, which else might never report again what it reported of the first", async () => {
    const bench = await startRoom();
    stops.push(() => bench.stop());
    const mapper = new FakeMapper(bench.mapperPath);
    stops.push(() => mapper.die());
    await serveOneDevice(bench, mapper);
    mapper.calls.length = 0;
    bench.store.remove("device/default/d1");
    bench.store.put(device("20", { uid: "another" }));
    await until(() => mapper.methods().includes("UpdateDevice d1"), "that it is another device");
    mapper.calls.length = 0;
    bench.store.put(device("20", { uid: "another" }));
    bench.store.put(device("21", { uid: "another" }));
    await until(() => mapper.desiredOf("d1", "temperature") === "21", "a later change");
    expect(mapper.methods()).toEqual(["UpdateDevice d1"]);
  });
});
