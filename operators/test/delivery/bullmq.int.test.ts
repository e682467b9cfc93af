// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import type { Owner } from "../../src/delivery/mailbox.ts";
import { createControllerDelivery, createHubDelivery } from "../../src/delivery/redis.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { NEW_EDGE, ref, silent } from "./fixture.ts";

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis({ appendOnly: true });
});
afterAll(() => server.stop());

/** Waits for something that another connection brings about. */
async function eventually(check: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function withParts(
  use: (parts: {
    controllers: ReturnType<typeof createControllerDelivery>;
    requested: (string | undefined)[];
    hub: (
      id: string,
    ) => Promise<ReturnType<typeof createHubDelivery> & { woken: string[]; evicted: [string, Owner][] }>;
  }) => Promise<void>,
): Promise<void> {
  const common = { redis: { url: server.url }, prefix: `p${randomUUID()}`, log: silent };
  const controllers = createControllerDelivery({ ...common, registry: new Registry() });
  const requested: (string | undefined)[] = [];
  controllers.outbox.onPlacementRequest((node) => requested.push(node));
  const leading = new AbortController();
  const running = controllers.run(leading.signal);
  const hubs: { stop(): Promise<void> }[] = [];
  const hub = async (id: string) => {
    const made = createHubDelivery({ ...common, hub: id, scopes: ["workload"], registry: new Registry() });
    hubs.push(made);
    const woken: string[] = [];
    const evicted: [string, Owner][] = [];
    const handlers = {
      wake: (node: string) => woken.push(node),
      evict: (node: string, o: Owner) => evicted.push([node, o]),
    };
    await made.wakeups.start(handlers);
    return Object.assign(made, { woken, evicted });
  };
  try {
    await use({ controllers, requested, hub });
  } finally {
    for (const one of hubs) await one.stop();
    leading.abort();
    await running;
    await controllers.stop();
  }
}

describe("wake-ups", () => {
  it("reach the hub that owns the session, and no other", () =>
    withParts(async ({ controllers, hub }) => {
      const [a, b] = [await hub("hub-a"), await hub("hub-b")];
      await a.mailbox.fence("edge.one", "c1", NEW_EDGE);
      await b.mailbox.fence("edge-2", "c2", NEW_EDGE);
      await controllers.outbox.sync("edge.one", "workload", [ref("a")], 1);
      await controllers.outbox.sync("edge-2", "workload", [ref("a")], 1);
      await eventually(() => expect([a.woken, b.woken]).toEqual([["edge.one"], ["edge-2"]]));
    }));

  it("are coalesced while nobody has taken them, and the last one is never lost", () =>
    withParts(async ({ controllers, hub }) => {
      const a = await hub("hub-a");
      await a.mailbox.fence("n", "c", NEW_EDGE);
      const syncs = Array.from({ length: 300 }, (_, i) =>
        controllers.outbox.sync("n", "workload", [ref("a", "a", `${i + 1}`)], 1),
      );
      await Promise.all(syncs);
      await eventually(() => expect(a.woken.length).toBeGreaterThan(0));
      expect(a.woken.length).toBeLessThan(300);
      const before = a.woken.length;
      await controllers.outbox.sync("n", "workload", [ref("a", "a", "999")], 1);
      await eventually(() => expect(a.woken.length).toBeGreaterThan(before));
    }));

  it("tell a hub that another one took its session over", () =>
    withParts(async ({ hub }) => {
      const [a, b] = [await hub("hub-a"), await hub("hub-b")];
      const first = await a.mailbox.fence("n", "c1", NEW_EDGE);
      const second = await b.mailbox.fence("n", "c2", NEW_EDGE);
      const third = await b.mailbox.fence("n", "c3", NEW_EDGE);
      expect(third.previous).toEqual(second.owner);
      await eventually(() =>
        expect([a.evicted, b.evicted]).toEqual([[["n", first.owner]], [["n", second.owner]]]),
      );
    }));

  it("of a former life are not heard by a hub that starts again", () =>
    withParts(async ({ controllers, hub }) => {
      const a = await hub("hub-a");
      await a.mailbox.fence("n", "c", NEW_EDGE);
      await a.wakeups.stop();
      await controllers.outbox.sync("n", "workload", [ref("a")], 1);
      const again = await hub("hub-a");
      await again.mailbox.fence("m", "c", NEW_EDGE);
      await controllers.outbox.sync("m", "workload", [ref("a")], 1);
      await eventually(() => expect(again.woken).toEqual(["m"]));
    }));

  it("for a dead hub are cleared away by a live one", async () => {
    // A hub that is gone without a word: known, without a heartbeat, with a queue.
    const { redis, presence, queueKeys } = await presenceOf("hub-live");
    await redis.sadd(`${presence.prefix}:hubs`, "hub-dead");
    await (await presence.queues.get("wake-hub-dead")).add("wake", { node: "n" });
    expect(await queueKeys("wake-hub-dead")).not.toEqual([]);
    expect(await presence.sweep()).toEqual(["hub-dead"]);
    expect(await queueKeys("wake-hub-dead")).toEqual([]);
    expect(await presence.sweep()).toEqual([]);
    await presence.stop();
  });
});

describe("placement requests", () => {
  it("of hubs reach the leading controllers, coalesced by node", () =>
    withParts(async ({ requested, hub }) => {
      const a = await hub("hub-a");
      await Promise.all(Array.from({ length: 50 }, () => a.mailbox.requestPlacement("n")));
      await a.mailbox.clearAcked("m");
      await eventually(() => expect(new Set(requested)).toEqual(new Set(["n", "m"])));
      expect(requested.length).toBeLessThan(51);
    }));
});

describe("Redis is checked, not trusted", () => {
  it("has everything placed anew after a restart, on every side", () =>
    withParts(async ({ controllers, requested, hub }) => {
      const a = await hub("hub-a");
      let replaced = 0;
      a.onReplaced(() => replaced++);
      await controllers.outbox.sync("n", "workload", [ref("a")], 1);
      await server.restart();
      await eventually(() => expect(requested).toContain(undefined));
      await eventually(() => expect(replaced).toBeGreaterThan(0));
      // and both ways of talking work again
      await a.mailbox.fence("n", "c", NEW_EDGE);
      await eventually(async () => {
        await controllers.outbox.sync("n", "workload", [ref("a", "a", "2")], 1);
        expect(a.woken).toContain("n");
      });
    }));
});

async function presenceOf(id: string) {
  const { createCallClient } = await import("../../src/delivery/redis-client.ts");
  const { createQueues, queuePrefix } = await import("../../src/delivery/bullmq-queues.ts");
  const { createHubPresence } = await import("../../src/delivery/hub-presence.ts");
  const redis = createCallClient({ url: server.url });
  await new Promise((resolve) => redis.once("ready", resolve));
  const prefix = `p${randomUUID()}`;
  const queues = createQueues({ redis, prefix, log: silent });
  const presence = createHubPresence({ redis, queues, prefix, hub: id, log: silent });
  const stop = async (): Promise<void> => {
    await queues.close();
    redis.disconnect();
  };
  return {
    redis,
    presence: { ...presence, queues, prefix, stop },
    queueKeys: (queue: string) => redis.keys(`${queuePrefix(prefix)}:${queue}:*`),
  };
}
