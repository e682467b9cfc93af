// SPDX-License-Identifier: Apache-2.0
import { cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { DeliveryError } from "../../src/delivery/errors.ts";
import { createControllerDelivery } from "../../src/delivery/index.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { openDelivery, silent, type Delivery } from "./fixture.ts";
import { Cluster, Edge, Session, contents, settle } from "./model.ts";

/** A node with an edge whose store survives whatever happens to Redis. */
function member(delivery: Delivery, node: string, objects: number) {
  const cluster = new Cluster();
  const edge = new Edge();
  for (let i = 0; i < objects; i++) cluster.change(`p${i}`, "write");
  const parts = { outbox: delivery.outbox, mailbox: delivery.mailbox, node, cluster, edge, term: 1 };
  return {
    node,
    cluster,
    edge,
    settle: () => settle({ ...parts, dialect: "ours", session: undefined }),
    check: () => expect(contents(edge.store.values())).toEqual(contents(cluster.refs())),
  };
}

const isAway = (error: unknown): boolean => error instanceof DeliveryError && error.code === "UNAVAILABLE";

/** Does the work although Redis is killed in the middle of it, again and again. */
async function throughKills(
  server: TestRedis,
  delivery: Delivery,
  work: () => Promise<unknown>,
  kills: number,
) {
  for (let i = 0; i < kills; i++) {
    const running = work().catch((error: unknown) => {
      if (!isAway(error)) throw error;
    });
    await server.kill();
    await running;
    const ready = new Promise((resolve) => delivery.redis.once("ready", resolve));
    await server.start();
    await ready;
  }
}

const at =
  (lines: string[], level: string) =>
  (fields: object, message: string): void =>
    void lines.push(`${level} ${"client" in fields ? String(fields.client) : "-"} ${message}`);

describe("faults of Redis", () => {
  it("is told once when it goes and once when it is back, for each client by its name, and not when we end", async () => {
    const server = await startRedis();
    const lines: string[] = [];
    const log = { ...silent, info: at(lines, "info"), warn: at(lines, "warn") };
    const delivery = createControllerDelivery({
      redis: { url: server.url },
      limits: { maxReconnectDelayMs: 20 },
      log,
      registry: new Registry(),
    });
    const told = (line: string): number => lines.filter((one) => one === line).length;
    await eventually(() =>
      expect(told("info calls Redis connected") + told("info worker Redis connected")).toBe(2),
    );
    await server.kill();
    await eventually(() => {
      for (const client of ["calls", "worker"]) expect(told(`warn ${client} Redis connection lost`)).toBe(1);
    });
    await new Promise((resolve) => setTimeout(resolve, 500)); // two dozen attempts
    for (const client of ["calls", "worker"]) expect(told(`warn ${client} Redis connection lost`)).toBe(1);
    await server.start();
    await eventually(() =>
      expect(told("info calls Redis connected") + told("info worker Redis connected")).toBe(4),
    );
    await delivery.stop();
    for (const client of ["calls", "worker"]) expect(told(`warn ${client} Redis connection lost`)).toBe(1);
    await server.stop();
  });

  it("does not keep the controllers' delivery from ending while it is away", async () => {
    const server = await startRedis();
    const delivery = createControllerDelivery({
      redis: { url: server.url },
      log: silent,
      registry: new Registry(),
    });
    const stop = new AbortController();
    const ended = delivery.run(stop.signal);
    await eventually(() => expect(delivery.connected()).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 300)); // its worker reads
    await server.kill();
    await eventually(() => expect(delivery.connected()).toBe(false));
    stop.abort();
    const late = new Promise((resolve) => setTimeout(() => resolve("late"), 20_000).unref());
    expect(await Promise.race([ended.then(() => delivery.stop()), late])).toBeUndefined();
    await server.stop();
  });

  it("loses nothing when Redis is killed again and again under load, and repeats only what is harmless", async () => {
    const server = await startRedis({ appendOnly: true });
    const delivery = await openDelivery(server);
    const one = member(delivery, "n", 50);
    await delivery.outbox.sync("n", "workload", one.cluster.refs(), 1);
    const session = await Session.open(delivery.mailbox, "n", one.edge, "ours");
    await throughKills(
      server,
      delivery,
      async () => {
        one.cluster.change(`p${Math.trunc(Math.random() * 60)}`, Math.random() < 0.5 ? "write" : "delete");
        await delivery.outbox.sync("n", "workload", one.cluster.refs(), 1);
        await session.pump(one.cluster, 5);
        session.arrive(one.edge);
        await session.ack(1);
      },
      20,
    );
    const rest = { outbox: delivery.outbox, mailbox: delivery.mailbox, node: "n", dialect: "ours" } as const;
    await settle({ ...rest, cluster: one.cluster, edge: one.edge, session, term: 1 });
    one.check();
    delivery.close();
    await server.stop();
  }, 60_000);

  it("sends only what changed after Redis was emptied", async () => {
    const server = await startRedis();
    const delivery = await openDelivery(server);
    const members = Array.from({ length: 200 }, (_, i) => member(delivery, `n${i}`, 20));
    for (const one of members) await one.settle();
    await delivery.redis.flushall();
    for (const { cluster } of members) cluster.change("p7", "write");
    const before = members.reduce((sum, { edge }) => sum + edge.received, 0);
    for (const one of members) await one.settle();
    const after = members.reduce((sum, { edge }) => sum + edge.received, 0);
    for (const one of members) one.check();
    expect(after - before).toBe(200);
    delivery.close();
    await server.stop();
  }, 60_000);

  it("is healed when a Redis comes back that has lost the newest writes", async () => {
    const server = await startRedis({ appendOnly: true });
    const delivery = await openDelivery(server);
    const files = join(dirname(server.url), "appendonlydir");
    const copy = `${files}.old`;
    const one = member(delivery, "n", 10);
    await one.settle();
    cpSync(files, copy, { recursive: true });
    for (const name of ["p1", "p2"]) one.cluster.change(name, "write");
    for (const name of ["p3", "p4"]) one.cluster.change(name, "delete");
    one.cluster.change("p5", "recreate");
    await one.settle();
    one.check();

    await server.kill();
    rmSync(files, { recursive: true });
    cpSync(copy, files, { recursive: true });
    const ready = new Promise((resolve) => delivery.redis.once("ready", resolve));
    await server.start();
    await ready;
    one.cluster.change("p6", "write");
    const before = one.edge.received;
    await one.settle();
    one.check();
    expect(one.edge.received - before).toBeLessThanOrEqual(2);
    delivery.close();
    await server.stop();
  }, 60_000);
});
