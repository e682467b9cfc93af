// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { createCallClient } from "../../src/delivery/redis-client.ts";
import { createRedisWatch } from "../../src/delivery/redis-watch.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { silent } from "./fixture.ts";

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis({ appendOnly: true });
  redis = createCallClient({ url: server.url });
  redis.on("error", () => undefined);
  await new Promise((resolve) => redis.once("ready", resolve));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe("the watch over Redis", () => {
  it("tells of another Redis although it could not be asked when we connected", async () => {
    let failing = false;
    const asked = new Proxy(redis, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === "info" && failing) return () => Promise.reject(new Error("Command timed out"));
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const told: string[] = [];
    const watch = createRedisWatch({
      ...{ redis: asked, prefix: "w", log: silent, registry: new Registry(), checkIntervalMs: 50 },
    });
    watch.onReplaced((reason) => told.push(reason));
    watch.start();
    await eventually(async () => expect(await redis.get("w:generation")).not.toBeNull());
    await watch.check();
    expect(told).toEqual([]);
    failing = true;
    const ready = new Promise((resolve) => redis.once("ready", resolve));
    await server.restart();
    await ready;
    await watch.check().catch(() => undefined);
    failing = false;
    await eventually(() => expect(told).toEqual(["replaced"]));
    watch.stop();
  });
});
