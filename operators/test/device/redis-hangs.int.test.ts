// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
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
    const redis = new Redis(bench.redis.url);
    await redis.call("CLIENT", "PAUSE", "20000", "ALL");
    const names = Array.from({ length: 40 }, (_, i) => `d${i}`);
    await Promise.all(names.map((name) => bench.createDevice(name, "edge-1", "m")));
    await eventually(async () => {
      for (const name of names) {
        await bench.statusOf(name);
        expect((await bench.condition(name, "Accepted"))?.status).toBe("True");
      }
    }, 18_000);
    await redis.ping(); // answered when it goes on
    redis.disconnect();
    // and then the node gets them
    const stop = bench.serve("edge-1");
    await eventually(async () => {
      for (const name of names)
        expect((await bench.condition(name, "Delivered"))?.reason).toBe("Acknowledged");
    }, 30_000);
    await stop();
  }, 90_000);
});
