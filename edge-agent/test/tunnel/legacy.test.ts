// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench, type BenchOptions } from "./bench.ts";
import { thrown, until } from "./fakes.ts";
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

async function connected(
  options: Partial<BenchOptions> = {},
): Promise<Bench & { connection: HubConnection }> {
  bench = await startBench(authority, { negotiates: false, ...options });
  bench.tunnel.start();
  const connection = await bench.hub.connection(1);
  await until(() => bench?.tunnel.isConnected() === true, "a session");
  return { ...bench, connection };
}

const answers = (id: string) => (frame: Frame) => frame.header.parent_msg_id === id;
const isOperation = (operation: string) => (frame: Frame) => frame.route.operation === operation;

// Shapes as recorded between KubeEdge 1.23's two halves; contents shortened.
const pod = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    name: "p1",
    namespace: "default",
    uid: "95e65bbb-9d1c-42fd-8b48-56d26aabde40",
    resourceVersion: "1454",
  },
  spec: { nodeName: "edge-1", containers: [{ name: "c" }] },
};
const device = {
  kind: "Device",
  apiVersion: "devices.kubeedge.io/v1beta1",
  metadata: { name: "d1", namespace: "default", uid: "u-d1", resourceVersion: "5000" },
};

describe("a session with a CloudCore", () => {
  it("is connected at once, says keepalive and repeats it each heartbeat, with nothing of ours", async () => {
    const { connection, clock, tunnel } = await connected();
    const first = await connection.next("keepalive", isOperation("keepalive"));
    expect(first.route).toEqual({
      source: "websocket",
      group: "resource",
      operation: "keepalive",
      resource: "node",
    });
    expect(first.content).toBe("ping");
    expect(tunnel.isNegotiated()).toBe(false);
    // the clock moves in steps that the peer can answer, as it would in life
    for (let pings = 1; pings <= 3; pings++) {
      await until(() => connection.pings >= pings, `ping ${pings}`);
      connection.send(down({ operation: "ping" }, "", { msg_id: `alive-${pings}` }));
      await connection.next("the answer", answers(`alive-${pings}`));
      clock.advance(5_000);
      if (pings === 3) break;
      connection.send(down({ operation: "ping" }, "", { msg_id: `again-${pings}` }));
      await connection.next("the answer", answers(`again-${pings}`));
      clock.advance(5_000);
    }
    await connection.next("the second keepalive", isOperation("keepalive"));
    expect(connection.frames.filter(({ route }) => route.group === "longshore")).toEqual([]);
  });

  it.each([
    {
      what: "a pod",
      operation: "insert",
      resource: "default/pod/p1",
      content: pod,
      source: "edgecontroller",
      ack: { source: "edgecontroller", group: "resource" },
    },
    {
      what: "a new device",
      operation: "insert",
      resource: "default/device/d1",
      content: device,
      source: "devicecontroller",
      ack: { source: "meta", group: "twin" },
    },
    {
      what: "a changed device",
      operation: "update",
      resource: "default/device/d1",
      content: device,
      source: "devicecontroller",
      ack: { source: "devicecontroller", group: "resource" },
    },
    {
      what: "a deleted device",
      operation: "delete",
      resource: "default/device/d1",
      content: device,
      source: "devicecontroller",
      ack: { source: "meta", group: "twin" },
    },
    {
      what: "a deletion that has metadata only",
      operation: "delete",
      resource: "default/pod/p1",
      content: { metadata: { name: "p1", namespace: "default", uid: "95e" } },
      source: "edgecontroller",
      ack: { source: "edgecontroller", group: "resource" },
    },
  ])("acks $what as KubeEdge's edge does", async ({ operation, resource, content, source, ack }) => {
    const { connection } = await connected();
    const push = down({ source, operation, resource }, content);
    connection.send(push);
    const ok = await connection.next("the ack", answers(push.header.msg_id));
    expect(ok.route).toEqual({ ...ack, operation: "response", resource });
    expect(ok.content).toBe("OK");
  });

  it("keeps the epoch of what it holds, so that a CloudCore's versions count", async () => {
    const { connection, store } = await connected();
    await store.records.put("session", "clusterEpoch", 3);
    connection.socket.terminate();
    await until(() => bench?.tunnel.isConnected() === false, "the end");
    bench?.clock.advance(1000);
    const second = await bench!.hub.connection(2);
    await until(() => bench?.tunnel.isConnected() === true, "the next session");
    const push = pushConfigMap("a", "9");
    second.send(push);
    await second.next("the ack", answers(push.header.msg_id));
    expect(store.desired.get("configmap/default/a")?.clusterEpoch).toBe(3);
  });

  it("does not hold up the cloud for a type that it does not keep, and counts it", async () => {
    const { connection, metrics } = await connected();
    const push = down(
      { operation: "update", resource: "default/teapot/t" },
      { metadata: { name: "t", namespace: "default" } },
    );
    connection.send(push);
    expect((await connection.next("the ack", answers(push.header.msg_id))).content).toBe("OK");
    expect(metrics.counts.get("rejected:downlink:UNSUPPORTED")).toBe(1);
  });

  it("answers what it cannot store with an error, never with OK", async () => {
    const { connection } = await connected();
    const push = down({ operation: "update", resource: "default/configmap/a" }, "no object");
    connection.send(push);
    expect((await connection.next("the answer", answers(push.header.msg_id))).route.operation).toBe("error");
  });

  it("drops groups that it does not know and never closes for them", async () => {
    const { connection, metrics, tunnel } = await connected();
    connection.send(down({ group: "twin", operation: "update", resource: "membership" }, {}));
    connection.send(down({ group: "user", operation: "publish", resource: "a/b" }, "x"));
    await until(() => metrics.counts.get("rejected:downlink:IGNORED") === 2, "the counts");
    expect(tunnel.isConnected()).toBe(true);
  });

  it("matches replies by parent id, and acks what a query brought", async () => {
    const { connection, tunnel, store } = await connected();
    const asked = tunnel.request({ operation: "query", resource: "default/secret/s", content: null });
    const query = await connection.next("the query", isOperation("query"));
    expect(query.route).toEqual({
      source: "edged",
      group: "meta",
      operation: "query",
      resource: "default/secret/s",
    });
    const metadata = { name: "s", namespace: "default", uid: "u", resourceVersion: "12" };
    const secret = { kind: "Secret", apiVersion: "v1", metadata, data: { k: "dg==" } };
    const route = { operation: "response", resource: "default/secret/s" };
    const reply = down(route, secret, { parent_msg_id: query.header.msg_id, resourceversion: "12" });
    connection.send(reply);
    expect((await asked).content).toEqual(secret);
    expect((await connection.next("the ack", answers(reply.header.msg_id))).content).toBe("OK");
    expect(store.desired.get("secret/default/s")?.value).toEqual(secret);
  });

  it("does not take a bare error for an object", async () => {
    const { connection, tunnel, store } = await connected();
    const asked = tunnel.request({ operation: "query", resource: "default/secret/s", content: null });
    const query = await connection.next("the query", isOperation("query"));
    const route = { operation: "response", resource: "default/secret/s" };
    connection.send(down(route, { ErrStatus: { code: 404 } }, { parent_msg_id: query.header.msg_id }));
    await asked;
    expect(store.desired.get("secret/default/s")).toBeUndefined();
  });

  it("fails requests without a reply, when offline and when the connection ends", async () => {
    const { connection, tunnel, clock } = await connected();
    const what = { operation: "query", resource: "default/secret/s", content: null };
    const slow = tunnel.request(what, { timeoutMs: 500 });
    clock.advance(500);
    await expect(slow).rejects.toMatchObject({ code: "TIMEOUT" });
    const cut = tunnel.request(what);
    connection.socket.terminate();
    await expect(cut).rejects.toMatchObject({ code: "OFFLINE" });
    await expect(tunnel.request(what)).rejects.toMatchObject({ code: "OFFLINE" });
    expect(thrown(() => tunnel.send(what))).toMatchObject({ code: "OFFLINE" });
    const controller = new AbortController();
    controller.abort();
    await expect(tunnel.request(what, { signal: controller.signal })).rejects.toMatchObject({
      code: "OFFLINE",
    });
  });

  it("sends at once up to the burst, then at the rate", async () => {
    const { connection, tunnel, clock } = await connected({ options: { messageQps: 10, messageBurst: 5 } });
    for (let i = 0; i < 12; i++)
      tunnel.send({ operation: "patch", resource: `default/podpatch/p${i}`, content: "{}" });
    const patches = () => connection.frames.filter(isOperation("patch")).map(({ route }) => route.resource);
    await until(() => patches().length === 5, "the burst");
    clock.advance(300);
    await until(() => patches().length === 8, "three more");
    clock.advance(400);
    await until(() => patches().length === 12, "the rest");
    expect(patches()).toEqual(Array.from({ length: 12 }, (_, i) => `default/podpatch/p${i}`));
  });
});
