// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Worker } from "bullmq";
import type { Redis } from "ioredis";
import {
  PLACEMENT_QUEUE,
  createQueues,
  queuePrefix,
  wakeQueueName,
} from "../../src/delivery/bullmq-queues.ts";
import { createPlacementListener, createWaker, createWakeups } from "../../src/delivery/bullmq.ts";
import { createCallClient, createWorkerClient } from "../../src/delivery/redis-client.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { silent } from "./fixture.ts";

const prefix = "crash";
let server: TestRedis;
let redis: Redis;
let workerRedis: Redis;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = createCallClient({ url: server.url });
  workerRedis = createWorkerClient({ url: server.url });
  for (const client of [redis, workerRedis]) client.on("error", () => undefined);
  await new Promise((resolve) => redis.once("ready", resolve));
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  redis.disconnect();
  workerRedis.disconnect();
  await server.stop();
});

/** Takes the job that waits there, and dies with it. */
async function dieInTheMiddleOf(queue: string): Promise<void> {
  const connection = createWorkerClient({ url: server.url });
  connection.on("error", () => undefined);
  const worker = new Worker(queue, null, { connection, prefix: queuePrefix(prefix) });
  worker.on("error", () => undefined);
  await worker.waitUntilReady();
  expect(await worker.getNextJob("dead", { block: false })).toBeDefined();
  await worker.close(true);
  connection.disconnect();
  expect(await redis.llen(`${queuePrefix(prefix)}:${queue}:active`)).toBe(1);
}

describe("a process that died in the middle of a job", () => {
  it("of its hub's queue does not keep it from hearing when it is back", async () => {
    const queues = createQueues({ redis, prefix, log: silent });
    const waker = createWaker({ redis, prefix, queues });
    await waker.wake("hub-0", "n");
    await dieInTheMiddleOf(wakeQueueName("hub-0"));
    const woken: string[] = [];
    const wakeups = createWakeups({ ...{ redis, workerRedis, prefix, queues, log: silent }, hub: "hub-0" });
    ends.push(
      () => queues.close(),
      () => wakeups.stop(),
    );
    await wakeups.start({ wake: (node) => woken.push(node), evict: () => undefined });
    await waker.wake("hub-0", "m");
    await eventually(() => expect(woken).toEqual(["m"]));
  });

  it("of the placement requests does not keep the next leader from hearing of that node", async () => {
    const queues = createQueues({ redis, prefix, log: silent });
    const waker = createWaker({ redis, prefix, queues });
    await waker.requestPlacement("n");
    await dieInTheMiddleOf(PLACEMENT_QUEUE);
    const asked: (string | undefined)[] = [];
    const listener = createPlacementListener({ redis, workerRedis, prefix, queues, log: silent }, (node) =>
      asked.push(node),
    );
    ends.push(
      () => queues.close(),
      () => listener.stop(),
    );
    await listener.start();
    await eventually(() => expect(asked).toEqual(["n"])); // what died with it
    asked.length = 0;
    await waker.requestPlacement("n");
    await eventually(() => expect(asked).toEqual(["n"]));
  });
});
