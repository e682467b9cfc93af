// SPDX-License-Identifier: Apache-2.0
import {
  inventoryDigest,
  type AckBatch,
  type Frame,
  type InventoryPart,
  type Nack,
} from "@longshore/crds/wire";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createAuthority, type Authority } from "../join/authority.ts";
import { StoreError } from "../../src/store/index.ts";
import { configMap, put } from "../store/gen.ts";
import { startBench, type Bench, type BenchOptions } from "./bench.ts";
import { until } from "./fakes.ts";
import { down, pushConfigMap, type HubConnection } from "./hub.ts";

let authority: Authority;
let bench: Bench | undefined;
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(async () => {
  await bench?.end();
  bench = undefined;
});

const REPLY = {
  sessionEpoch: 4,
  clusterEpoch: 2,
  inventory: "match",
  pingIntervalMs: 10_000,
  keepaliveIntervalMs: 10_000,
  leaseDurationSeconds: 40,
};
const isOperation = (operation: string) => (frame: Frame) => frame.route.operation === operation;

async function begin(options: Partial<BenchOptions> = {}): Promise<Bench> {
  bench = await startBench(authority, { negotiates: true, ...options });
  return bench;
}

async function greet(connection: HubConnection, reply: object = REPLY): Promise<Frame> {
  const hello = await connection.next("hello", isOperation("hello"));
  const route = { group: "longshore", operation: "response", resource: "session" };
  connection.send(down(route, reply, { parent_msg_id: hello.header.msg_id }));
  return hello;
}

async function connected(
  options: Partial<BenchOptions> = {},
): Promise<Bench & { connection: HubConnection }> {
  const started = await begin(options);
  started.tunnel.start();
  const connection = await started.hub.connection(1);
  await greet(connection);
  await until(() => started.tunnel.isConnected(), "a session");
  return { ...started, connection };
}

describe("a session with our protocol", () => {
  it("dials KubeEdge's path with its headers, the offer and the node's certificate", async () => {
    const { connection } = await connected();
    expect(connection.url).toBe("/e632aba927ea4ac2b575ec1603d56f10/edge-1/events");
    expect(connection.headers).toMatchObject({
      node_id: "edge-1",
      project_id: "e632aba927ea4ac2b575ec1603d56f10",
      connectionuse: "msg",
      "longshore-protocol": "1",
    });
    expect(connection.peer).toBe("system:node:edge-1");
  });

  it("tells what it holds, and is connected only after the answer", async () => {
    const { tunnel, hub, store } = await begin();
    await store.desired.apply(put(configMap("a", "5")));
    await store.records.put("session", "sessionEpoch", 3);
    const states: boolean[] = [];
    tunnel.onState((state) => void states.push(state));
    tunnel.start();
    const connection = await hub.connection(1);
    expect(tunnel.isConnected()).toBe(false);
    expect((await greet(connection)).content).toMatchObject({
      sessionEpoch: 3,
      clusterEpoch: 0,
      inventoryCount: 1,
      inventoryDigest: inventoryDigest([["configmap/default/a", "uid-1", "5"]]),
      machineId: "machine",
    });
    await until(() => tunnel.isConnected(), "a session");
    expect(states).toEqual([true]);
    expect(store.records.get("session", "sessionEpoch")).toBe(4);
    expect(store.records.get("session", "clusterEpoch")).toBe(2);
    expect(connection.frames.some(isOperation("inventory"))).toBe(false);
  });

  it("sends its inventory in parts of at most 1,000 when the hub asks", async () => {
    const { tunnel, hub, store } = await begin();
    await Promise.all(
      Array.from({ length: 1500 }, (_, i) => store.desired.apply(put(configMap(`cm-${i}`, "5")))),
    );
    tunnel.start();
    const connection = await hub.connection(1);
    await greet(connection, { ...REPLY, inventory: "send" });
    const first = (await connection.next("part 0", isOperation("inventory"))).content as InventoryPart;
    const second = (await connection.next("part 1", isOperation("inventory"))).content as InventoryPart;
    expect([first.part, first.last, first.items.length]).toEqual([0, false, 1000]);
    expect([second.part, second.last, second.items.length]).toEqual([1, true, 500]);
    expect(new Set([...first.items, ...second.items].map(([key]) => key)).size).toBe(1500);
  });

  it("acks many pushes in few frames, and only what is committed", async () => {
    const { connection, store } = await connected();
    const pushes = Array.from({ length: 64 }, (_, i) => pushConfigMap(`cm-${i}`, "7", { digest: "dd" }));
    pushes.forEach((push) => connection.send(push));
    const acks = () => connection.frames.filter(isOperation("ack")).map(({ content }) => content as AckBatch);
    await until(() => acks().flatMap(({ ids }) => ids).length === 64, "64 acks");
    expect(new Set(acks().flatMap(({ ids }) => ids))).toEqual(
      new Set(pushes.map(({ header }) => header.msg_id)),
    );
    expect(acks().length).toBeLessThan(32);
    expect(store.desired.get("configmap/default/cm-9")).toMatchObject({
      digest: "dd",
      clusterEpoch: 2,
      uid: "uid-cm-9",
    });
  });

  it("applies a delete only to its uid, and acks what is stale", async () => {
    const { connection, store } = await connected();
    const metadata = { name: "a", namespace: "default", uid: "uid-other" };
    const route = { operation: "delete", resource: "default/configmap/a" };
    connection.send(pushConfigMap("a", "7"));
    connection.send(pushConfigMap("a", "6"));
    connection.send(down(route, { metadata }));
    const ids = () =>
      connection.frames.filter(isOperation("ack")).flatMap(({ content }) => (content as AckBatch).ids);
    await until(() => ids().length === 3, "3 acks");
    expect(store.desired.get("configmap/default/a")?.resourceVersion).toBe("7");
    connection.send(down(route, { metadata: { ...metadata, uid: "uid-a" } }));
    await until(() => store.desired.get("configmap/default/a") === undefined, "the deletion");
  });

  it.each([
    {
      what: "B59 an unknown type",
      frame: down({ operation: "update", resource: "default/teapot/a" }, {}),
      code: "UNSUPPORTED",
    },
    {
      what: "B61 a path that climbs",
      frame: down({ operation: "update", resource: "default/pod/../../x" }, {}),
      code: "INVALID_RESOURCE",
    },
    {
      what: "B63 a path of two segments",
      frame: down({ operation: "update", resource: "default/configmap" }, {}),
      code: "INVALID_RESOURCE",
    },
    {
      what: "B63 a path of five segments",
      frame: down({ operation: "update", resource: "default/configmap/a/b/c" }, {}),
      code: "INVALID_RESOURCE",
    },
    {
      what: "another node's Node",
      frame: down(
        { operation: "update", resource: "null/node/edge-2" },
        { metadata: { name: "edge-2", uid: "u", resourceVersion: "1" } },
      ),
      code: "FORBIDDEN",
    },
    {
      what: "a pod bound elsewhere",
      frame: down(
        { operation: "update", resource: "default/pod/p" },
        {
          metadata: { name: "p", namespace: "default", uid: "u", resourceVersion: "1" },
          spec: { nodeName: "edge-2" },
        },
      ),
      code: "FORBIDDEN",
    },
    {
      what: "a path that names another object",
      frame: {
        ...pushConfigMap("a", "1"),
        route: { group: "resource", operation: "update", resource: "default/configmap/b" },
      },
      code: "INVALID_RESOURCE",
    },
    {
      what: "B58 a version that is no number",
      frame: down(
        { operation: "update", resource: "default/configmap/a" },
        { metadata: { name: "a", namespace: "default", uid: "u", resourceVersion: "0x10" } },
      ),
      code: "BAD",
    },
    {
      what: "an object without uid",
      frame: down(
        { operation: "update", resource: "default/configmap/a" },
        { metadata: { name: "a", namespace: "default", resourceVersion: "1" } },
      ),
      code: "BAD",
    },
    {
      what: "content that is no object",
      frame: down({ operation: "update", resource: "default/configmap/a" }, "text"),
      code: "BAD",
    },
  ])("$what is refused with $code, and the session goes on", async ({ frame, code }) => {
    const { connection, metrics, log, store } = await connected();
    connection.send(frame);
    const nack = (await connection.next("nack", isOperation("nack"))).content as Nack;
    expect(nack).toMatchObject({ id: frame.header.msg_id, code });
    expect(metrics.counts.get(`rejected:downlink:${code}`)).toBe(1);
    const told = log.lines.filter((line) => line.includes("refused"));
    expect(told).toHaveLength(1);
    expect(told[0]!.length).toBeLessThan(256);
    expect(store.desired.inventory()).toEqual([]);
    connection.send(pushConfigMap("a", "1"));
    await connection.next("ack", isOperation("ack"));
  });

  it.each([
    { what: "a frame of no JSON", text: "{{{{" },
    { what: "a frame that is an array", text: "[1,2]" },
    { what: "an empty frame", text: "" },
    { what: "a frame without header", text: '{"route":{},"content":1}' },
    { what: "a frame whose route is text", text: '{"header":{"msg_id":"x"},"route":"r","content":1}' },
    {
      what: "B56 a frame that is too deep",
      text: `{"header":{"msg_id":"x"},"route":{},"content":${"[".repeat(60)}${"]".repeat(60)}}`,
    },
    {
      what: "B57 a frame with a poisoned key",
      text: '{"header":{"msg_id":"x"},"route":{},"content":{"__proto__":{"x":1}}}',
    },
  ])("$what is dropped, counted and told once, and the session goes on", async ({ text }) => {
    const { connection, metrics, log, tunnel } = await connected();
    log.lines.length = 0;
    connection.send(text);
    await until(() => metrics.counts.get("rejected:downlink:BAD") === 1, "the count");
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toContain("malformed frame dropped");
    expect(log.lines[0]!.length).toBeLessThan(256);
    connection.send(pushConfigMap("a", "1"));
    await connection.next("ack", isOperation("ack"));
    expect(tunnel.isConnected()).toBe(true);
  });

  it("drops a binary frame, and survives one that is too large", async () => {
    const { connection, metrics, hub, clock, tunnel } = await connected();
    connection.socket.send(Buffer.from([1, 2, 3]));
    await until(() => metrics.counts.get("rejected:downlink:BAD") === 1, "the count");
    connection.socket.send("x".repeat(4 * 1024 * 1024 + 1));
    await until(() => !tunnel.isConnected(), "the end of the session");
    clock.advance(1000);
    await greet(await hub.connection(2));
    await until(() => tunnel.isConnected(), "the next session");
  });

  it("says STORE_FULL when the store is full, and acks nothing of it", async () => {
    const { connection, store } = await connected();
    store.desired.apply = () => Promise.reject(new StoreError("FULL", "disk full"));
    connection.send(pushConfigMap("a", "1"));
    const nack = (await connection.next("nack", isOperation("nack"))).content as Nack;
    expect(nack.code).toBe("STORE_FULL");
    expect(connection.frames.some(isOperation("ack"))).toBe(false);
  });

  it("is complete once the hub said so for this session, and no longer after it", async () => {
    const { connection, tunnel, clock, hub } = await connected();
    let told = 0;
    tunnel.onComplete(() => told++);
    const route = { group: "longshore", operation: "complete", resource: "session" };
    connection.send(down(route, { sessionEpoch: 3 }));
    connection.send(pushConfigMap("a", "1"));
    await connection.next("ack", isOperation("ack"));
    expect(tunnel.isInventoryComplete()).toBe(false);
    connection.send(down(route, { sessionEpoch: 4 }));
    await until(() => tunnel.isInventoryComplete(), "completeness");
    expect(told).toBe(1);
    connection.socket.terminate();
    await until(() => !tunnel.isConnected(), "the end of the session");
    expect(tunnel.isInventoryComplete()).toBe(false);
    clock.advance(1000);
    await hub.connection(2);
  });

  it("gives up a hub that never answers hello, or answers it badly", async () => {
    const { tunnel, hub, clock } = await begin();
    tunnel.start();
    const first = await hub.connection(1);
    await first.next("hello", isOperation("hello"));
    clock.advance(10_000);
    await until(() => first.socket.readyState === 3, "the end of the first");
    await until(() => clock.waiting().length > 0, "a redial");
    clock.advance(1000);
    const second = await hub.connection(2);
    await greet(second, { ...REPLY, pingIntervalMs: 0 });
    await until(() => second.socket.readyState === 3, "the end of the second");
    expect(tunnel.isConnected()).toBe(false);
  });

  it("tells a caller of a typed refusal as of any other", async () => {
    const { connection, tunnel } = await connected();
    const asked = tunnel.request({ operation: "query", resource: "default/secret/s", content: null });
    const { header } = await connection.next("the query", isOperation("query"));
    const route = { group: "longshore", operation: "nack", resource: "session" };
    const nack = { id: header.msg_id, code: "FORBIDDEN", message: "not granted" };
    connection.send(down(route, nack, { parent_msg_id: header.msg_id }));
    expect(await asked).toMatchObject({ route: { operation: "error" }, content: "FORBIDDEN: not granted" });
  });

  it("sends keepalives at the interval that the hub named", async () => {
    const { connection, clock } = await connected();
    await connection.next("the first keepalive", isOperation("keepalive"));
    clock.advance(9_999);
    connection.send(down({ operation: "ping", resource: "x" }, ""));
    await connection.next("a sign that all before it arrived", ({ content }) => content === "ack");
    expect(connection.frames.some(isOperation("keepalive"))).toBe(false);
    clock.advance(1);
    await connection.next("the second keepalive", isOperation("keepalive"));
  });
});
