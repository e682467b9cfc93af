// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { DeliveryError } from "../../src/delivery/errors.ts";
import { createHubDelivery, type HubDelivery } from "../../src/delivery/index.ts";
import { createRedisDirectory, type RedisDirectory } from "../../src/delivery/redis-directory.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { NEW_EDGE, drain, openDelivery, ref, silent, type Delivery } from "./fixture.ts";

let server: TestRedis;
let delivery: Delivery;
beforeAll(async () => {
  server = await startRedis();
  delivery = await openDelivery(server);
});
afterAll(async () => {
  delivery.close();
  await server.stop();
});

const directoryOf = (hub: string, times: { settleIntervalMs?: number; renewIntervalMs?: number } = {}) =>
  createRedisDirectory({
    ...{ redis: delivery.redis, prefix: delivery.prefix, hub, log: silent, announce: () => undefined },
    ...times,
  });
const beat = (hub: string, value: string | number) =>
  delivery.redis.set(`${delivery.prefix}:hub:${hub}`, value);
const told = async (directory: RedisDirectory, node: string): Promise<string[]> =>
  (await directory.hubsOf(node)).map(({ hub, address }) => `${hub} ${address}`);

describe("the directory of hubs", () => {
  const asker = () => directoryOf("hub-asking");

  it("names nobody for a node that nobody holds", async () => {
    expect(await told(asker(), `n${randomUUID()}`)).toEqual([]);
  });

  it("names the hub of the stream tunnel first, then that of the session", async () => {
    const node = `n${randomUUID()}`;
    await beat("hub-s", "10.0.0.1:10003");
    await beat("hub-t", "[fd00::2]:10003");
    await delivery.mailboxOf("hub-s").fence(node, "c", NEW_EDGE);
    await directoryOf("hub-t").holdTunnel(node, "t");
    expect(await told(asker(), node)).toEqual(["hub-t [fd00::2]:10003", "hub-s 10.0.0.1:10003"]);
  });

  it("names a hub once that has both", async () => {
    const node = `n${randomUUID()}`;
    await beat("hub-both", "10.0.0.3:10003");
    await delivery.mailboxOf("hub-both").fence(node, "c", NEW_EDGE);
    await directoryOf("hub-both").holdTunnel(node, "t");
    expect(await told(asker(), node)).toEqual(["hub-both 10.0.0.3:10003"]);
  });

  it.each([
    { when: "it asks itself", hub: "hub-asking", heartbeat: "10.0.0.9:10003" },
    { when: "it has no heartbeat", hub: "hub-dead", heartbeat: undefined },
    { when: "it tells no address, as older ones", hub: "hub-old", heartbeat: 1 },
  ])("leaves a hub out when $when", async ({ hub, heartbeat }) => {
    const node = `n${randomUUID()}`;
    if (heartbeat !== undefined) await beat(hub, heartbeat);
    await delivery.mailboxOf(hub).fence(node, "c", NEW_EDGE);
    expect(await told(asker(), node)).toEqual([]);
  });

  it("lets a tunnel that ended take only its own entry with it", async () => {
    const node = `n${randomUUID()}`;
    await beat("hub-t", "10.0.0.2:10003");
    const directory = directoryOf("hub-t");
    await directory.holdTunnel(node, "old");
    await directory.holdTunnel(node, "new");
    await directory.releaseTunnel(node, "old");
    expect(await told(asker(), node)).toEqual(["hub-t 10.0.0.2:10003"]);
    await directory.releaseTunnel(node, "new");
    expect(await told(asker(), node)).toEqual([]);
  });

  it("forgets the tunnel with the other keys of a deleted node", async () => {
    const node = `n${randomUUID()}`;
    await delivery.outbox.sync(node, "workload", [ref("a")], 1);
    await drain(delivery.mailbox, node);
    await directoryOf("hub-t").holdTunnel(node, "t");
    await delivery.outbox.forget(node, 1);
    expect(await delivery.redis.keys(`${delivery.prefix}:{${node}}:*`)).toEqual([]);
  });

  it("writes a lost entry again while the tunnel lives, but never over one that began later", async () => {
    const node = `n${randomUUID()}`;
    const key = `${delivery.prefix}:{${node}}:tunnel`;
    await beat("hub-t", "10.0.0.2:10003");
    await beat("hub-u", "10.0.0.4:10003");
    const [first, second] = [
      directoryOf("hub-t", { settleIntervalMs: 5 }),
      directoryOf("hub-u", { settleIntervalMs: 5 }),
    ];
    await first.holdTunnel(node, "t");
    await second.holdTunnel(node, "u");
    await delivery.redis.del(key);
    first.start();
    first.renew();
    await eventually(async () => expect(await told(asker(), node)).toEqual(["hub-t 10.0.0.2:10003"]));
    second.start();
    second.renew();
    await eventually(async () => expect(await told(asker(), node)).toEqual(["hub-u 10.0.0.4:10003"]));
    const value = await delivery.redis.get(key);
    first.renew();
    await first.holdTunnel("other", "t"); // sent behind what the renewal sends
    expect(await delivery.redis.get(key)).toBe(value);
    first.stop();
    second.stop();
  });
});

describe("the directory of a hub that runs", () => {
  const hubs: HubDelivery[] = [];
  const hubOf = async (id: string, prefix: string, redis = server): Promise<HubDelivery> => {
    const hub = createHubDelivery({
      ...{ redis: { url: redis.url }, limits: { maxReconnectDelayMs: 20 }, prefix, log: silent },
      ...{ hub: id, scopes: ["workload"], registry: new Registry() },
    });
    hubs.push(hub);
    await hub.wakeups.start({ wake: () => undefined, evict: () => undefined });
    return hub;
  };
  afterAll(async () => {
    for (const hub of hubs) await hub.stop();
  });

  it("tells its address with its heartbeat, whether it is known before or after the start", async () => {
    const prefix = `p${randomUUID()}`;
    const [a, b] = [await hubOf("hub-a", prefix), await hubOf("hub-b", prefix)];
    await a.mailbox.fence("n", "c", NEW_EDGE);
    expect(await b.directory.hubsOf("n")).toEqual([]);
    a.directory.announce("10.0.0.1:10003");
    await eventually(async () =>
      expect(await b.directory.hubsOf("n")).toEqual([{ hub: "hub-a", address: "10.0.0.1:10003" }]),
    );
    expect(await a.directory.hubsOf("n")).toEqual([]);
  });

  it("R18 knows its tunnels again after Redis was emptied, and says UNAVAILABLE while it is away", async () => {
    const lost = await startRedis();
    const prefix = `p${randomUUID()}`;
    const [a, b] = [await hubOf("hub-a", prefix, lost), await hubOf("hub-b", prefix, lost)];
    a.directory.announce("10.0.0.1:10003");
    await a.directory.holdTunnel("n", "t");
    await lost.kill();
    const failure = await b.directory.hubsOf("n").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeliveryError);
    expect(failure).toMatchObject({ code: "UNAVAILABLE" });
    await expect(a.directory.holdTunnel("m", "t")).rejects.toThrow(DeliveryError);
    await lost.start();
    await eventually(async () => {
      expect(await b.directory.hubsOf("n")).toEqual([{ hub: "hub-a", address: "10.0.0.1:10003" }]);
      expect(await b.directory.hubsOf("m")).toEqual([{ hub: "hub-a", address: "10.0.0.1:10003" }]);
    }, 15_000);
    await a.stop();
    await b.stop();
    hubs.splice(-2);
    await lost.stop();
  });
});
