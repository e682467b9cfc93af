// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../runtime/eventually.ts";
import { startDeviceBench, type DeviceBench } from "./bench.ts";

let bench: DeviceBench;
beforeAll(async () => {
  bench = await startDeviceBench({ pollMs: 300, settleMs: 100 });
  await bench.createModel("m");
}, 120_000);
afterAll(() => bench.close());

describe("R16 devices while Redis takes calls and answers none", () => {
  it("get their DeviceStatus, and are told whether they were accepted, without waiting for each other", async () => {
    bench.redis.freeze();
    const names = Array.from({ length: 40 }, (_, i) => `d${i}`);
    await Promise.all(names.map((name) => bench.createDevice(name, "edge-1", "m")));
    await eventually(async () => {
      for (const name of names) {
        await bench.statusOf(name);
        expect((await bench.condition(name, "Accepted"))?.status).toBe("True");
      }
    });
    bench.redis.thaw();
    // and then the node gets them
    const stop = bench.serve("edge-1");
    await eventually(async () => {
      for (const name of names)
        expect((await bench.condition(name, "Delivered"))?.reason).toBe("Acknowledged");
    });
    await stop();
  }, 120_000);
});
