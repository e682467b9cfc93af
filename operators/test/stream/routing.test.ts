// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { StreamError } from "@longshore/crds/stream";
import { createServer, type AddressInfo } from "node:net";
import { DeliveryError } from "../../src/delivery/errors.ts";
import { SERVER_AUTH } from "../hub/support/pki.ts";
import { createFaultLink, type FaultLink } from "./support/fault-link.ts";
import { closed, createRig, nextText, readAll, until, type Rig, type RigOptions } from "./support/rig.ts";

const LOGS = "/containerLogs/default/web/main";
const EXEC = "/exec/default/web/main?command=sh&input=1&output=1";
const never = (): Promise<never> => new Promise(() => undefined);

let rig: Rig;
const links: FaultLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) link.stop();
  await rig.stop();
});

const start = async (options: RigOptions = {}): Promise<void> => {
  rig = await createRig(options);
  rig.cluster.pod("web", "n1");
};

/** @returns milliseconds that it took as well */
const timed = async <T>(run: Promise<T>): Promise<T & { tookMs: number }> => {
  const startMs = performance.now();
  const result = await run;
  return { ...result, tookMs: performance.now() - startMs };
};

describe("a node that is nowhere", () => {
  it("is offline since when its Lease says", async () => {
    await start();
    rig.cluster.lease("n1", new Date(Date.now() - 3 * 3_600_000 - 5_000).toISOString());
    const { status, text, tookMs } = await timed(rig.get(LOGS));
    expect(status).toBe(500);
    expect(text).toMatch(/^node "n1" is offline: last seen \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, 3 h ago$/);
    expect(tookMs).toBeLessThan(8_000);
  });

  it("is offline since its last heartbeat without a Lease", async () => {
    await start();
    const lastHeartbeatTime = new Date(Date.now() - 125_000).toISOString();
    const conditions = [{ type: "Ready", status: "Unknown", lastHeartbeatTime }];
    rig.cluster.put("Node", { name: "n1" }, { metadata: { name: "n1" }, status: { conditions } });
    expect((await rig.get("/nodes/n1/metrics")).text).toMatch(/, 2 min ago$/);
  });

  it("says it to an upgrade as well", async () => {
    await start();
    const [head = "", body = ""] = (await readAll(await rig.upgrade(EXEC))).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 500 /);
    // As text it would be YAML to the API server, and lost.
    expect(JSON.parse(body)).toMatchObject({
      ...{ kind: "Status", apiVersion: "v1", status: "Failure", code: 500, reason: "InternalError" },
      message: 'node "n1" is offline: never seen',
    });
  });

  it("B148 is not asked for a pod of another one", async () => {
    await start();
    const other = rig.hub.node("n2");
    expect(await rig.get(`/nodes/n2${LOGS}`)).toMatchObject({
      status: 404,
      text: 'pod "default/web" is not on node "n2"',
    });
    expect(other.asked).toHaveLength(0);
  });

  it("has a pod that is not scheduled", async () => {
    await start();
    rig.cluster.pod("web", undefined);
    expect(await rig.get(LOGS)).toMatchObject({ status: 400, text: "pod web is not scheduled" });
  });

  it.each<{ broken: string; arrange: () => void | Promise<void>; path: string; text: RegExp }>([
    {
      broken: "the API server hangs",
      arrange: () => void (rig.cluster.hangs = true),
      path: LOGS,
      text: /the API server did not say in time where pod "default\/web" is/,
    },
    {
      broken: "the API server hangs, and the node is named",
      arrange: () => void (rig.cluster.hangs = true),
      path: "/nodes/n1/metrics",
      text: /offline: when it was last seen is not known/,
    },
    {
      broken: "Redis is away",
      arrange: () => void (rig.hubsOf = () => Promise.reject(new DeliveryError("UNAVAILABLE", "no Redis"))),
      path: LOGS,
      text: /Redis, which knows what the other hubs have, does not answer; never seen/,
    },
    {
      broken: "Redis hangs",
      arrange: () => void (rig.hubsOf = never),
      path: LOGS,
      text: /Redis, .*, does not answer/,
    },
    {
      broken: "Redis and the API server hang",
      arrange: () => {
        rig.hubsOf = never;
        rig.cluster.hangs = true;
      },
      path: "/nodes/n1/metrics",
      text: /Redis, .*, does not answer; when it was last seen is not known/,
    },
    {
      broken: "the hub that may have it is gone",
      arrange: () => {
        rig.hubsOf = () => Promise.resolve([{ hub: "hub-9", address: "127.0.0.1:1" }]);
      },
      path: LOGS,
      text: /hub-9 cannot be reached, which may have it; never seen/,
    },
    {
      broken: "the hub that may have it says nothing",
      arrange: async () => {
        const mute = createServer(() => undefined).listen(0, "127.0.0.1");
        await once(mute, "listening");
        const address = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
        links.push({ stop: () => void mute.close() } as FaultLink);
        mute.unref();
        rig.hubsOf = () => Promise.resolve([{ hub: "hub-9", address }]);
      },
      path: LOGS,
      text: /hub-9 cannot be reached, which may have it; never seen/,
    },
  ])("is told soon although $broken", async ({ arrange, path, text }) => {
    await start();
    await arrange();
    const answer = await timed(rig.get(path));
    expect(answer.status).toBe(500);
    expect(answer.text).toMatch(text);
    expect(answer.tookMs).toBeLessThan(8_000);
  });
});

describe("a session without streams", () => {
  it.each([{ at: 0 }, { at: 1 }])("is told what to switch on, from hub $at", async ({ at }) => {
    await start({ hubs: 2 });
    rig.hubs[at]!.mute.add("n1");
    expect(await rig.get(LOGS)).toMatchObject({
      status: 500,
      text: 'node "n1" is connected, but without streams: set modules.edgeStream.enable to true in its edgecore.yaml',
    });
  });

  it.each([
    {
      unknown: "Redis",
      hubsOf: () => Promise.reject(new Error("no Redis")),
      text: /Redis, .*, does not answer/,
    },
    {
      unknown: "a hub",
      hubsOf: () => Promise.resolve([{ hub: "hub-9", address: "127.0.0.1:1" }, rig.addressOf(rig.hubs[1]!)]),
      text: /hub-9 cannot be reached/,
    },
  ])("is not blamed while $unknown is away that may know of its stream tunnel", async ({ hubsOf, text }) => {
    await start({ hubs: 2 });
    for (const hub of rig.hubs) hub.mute.add("n1");
    rig.hubsOf = hubsOf;
    expect((await rig.get(LOGS)).text).toMatch(text);
  });

  it("does not hide the hub that has the node's stream tunnel", async () => {
    await start({ hubs: 2 });
    rig.hub.mute.add("n1");
    const node = rig.hubs[1]!.node("n1");
    const got = rig.get(LOGS);
    (await node.next()).accept().end("here");
    expect(await got).toMatchObject({ status: 200, text: "here" });
  });
});

describe("between hubs", () => {
  const short = { peerPingMs: 50, peerDeadMs: 200 };

  it("asks one hub after the other, and none twice", async () => {
    await start({ hubs: 3 });
    const [, empty, owner] = rig.hubs;
    const node = owner!.node("n1");
    rig.hubsOf = () =>
      Promise.resolve([
        { hub: "hub-9", address: "127.0.0.1:1" },
        rig.addressOf(empty!),
        rig.addressOf(owner!),
      ]);
    const got = rig.get(LOGS);
    (await node.next()).accept().end("found");
    expect(await got).toMatchObject({ status: 200, text: "found" });
    expect(await empty!.metric("longshore_stream_opens_total", { result: "offline" })).toBe(1);
  });

  it("never forwards what was forwarded", async () => {
    await start({ hubs: 2 });
    const [first, second] = rig.hubs;
    rig.hubsOf = () => Promise.resolve([rig.addressOf(first!), rig.addressOf(second!)]);
    expect((await rig.get(LOGS)).text).toBe('node "n1" is offline: never seen');
    expect(await second!.metric("longshore_stream_opens_total")).toBe(1);
  });

  it("does not ask elsewhere what a node may have begun", async () => {
    await start({ hubs: 2 });
    const node = rig.hub.node("n1");
    const other = rig.hubs[1]!.node("n1");
    const got = rig.get(LOGS);
    (await node.next()).refuse(new StreamError("LOST", "the session is over"));
    expect(await got).toMatchObject({ status: 500, text: "the session is over" });
    expect(other.asked).toHaveLength(0);
  });

  it("shares one connection, and lets go of it when it is idle", async () => {
    await start({ hubs: 2, options: { peerIdleMs: 100 } });
    const node = rig.hubs[1]!.node("n1");
    const link = await createFaultLink(rig.hubs[1]!.server.port);
    links.push(link);
    rig.hubsOf = () => Promise.resolve([{ hub: "hub-1", address: link.address }]);
    const both = [rig.get(LOGS), rig.get(LOGS)];
    for (let i = 0; i < 2; i++) (await node.next()).accept().end("x").resume();
    await Promise.all(both);
    expect(link.count).toBe(1);
    expect(await rig.hub.metric("longshore_stream_peers", { direction: "out" })).toBe(1);
    expect(await rig.hubs[1]!.metric("longshore_stream_peers", { direction: "in" })).toBe(1);
    await until(async () => (await rig.hub.metric("longshore_stream_peers")) === 0);
    await until(async () => (await rig.hubs[1]!.metric("longshore_stream_peers")) === 0);
    const again = rig.get(LOGS);
    (await node.next()).accept().end("y");
    expect(await again).toMatchObject({ text: "y" });
    expect(link.count).toBe(2);
  });

  it("R21 in part: a hub that is dead without a word ends its streams on both sides", async () => {
    await start({ hubs: 2, options: short });
    const node = rig.hubs[1]!.node("n1");
    const link = await createFaultLink(rig.hubs[1]!.server.port);
    links.push(link);
    rig.hubsOf = () => Promise.resolve([{ hub: "hub-1", address: link.address }]);
    const opening = rig.open(`${LOGS}?follow=true`);
    const logs = (await node.next()).accept();
    const response = await opening;
    const socket = await rig.upgrade(EXEC);
    const exec = (await node.next()).accept();
    exec.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    await nextText(socket);
    link.freeze();
    await expect(readAll(response)).rejects.toMatchObject({ code: "ECONNRESET" });
    await closed(socket.resume().end());
    await Promise.all([closed(logs), closed(exec)]);
    expect(logs.errored).toMatchObject({ code: "LOST" });
    for (const hub of rig.hubs) await until(async () => (await hub.metric("longshore_stream_active")) === 0);
    expect(await rig.hub.metric("longshore_stream_peers")).toBe(0);
  });

  it("know each other by the hubs' CA, whatever the API server is shown", async () => {
    await start();
    const { cert, key } = await rig.pki.clusterCa.server();
    const tls = { ca: rig.pki.hubCa.cert, cert, key, forHubs: rig.pki.server };
    const owner = await rig.add({ deps: { tls } });
    const node = owner.node("n1");
    const got = rig.get(LOGS);
    (await node.next()).accept().end("known");
    expect(await got).toMatchObject({ text: "known" });
    const identity = { ...rig.pki.apiServer, ca: rig.pki.clusterCa.cert } as object;
    expect((await rig.dial({ hub: owner, identity })).authorized).toBe(true);
  });

  it("finds a hub again after its connection broke", async () => {
    await start({ hubs: 2 });
    const node = rig.hubs[1]!.node("n1");
    const link = await createFaultLink(rig.hubs[1]!.server.port);
    links.push(link);
    rig.hubsOf = () => Promise.resolve([{ hub: "hub-1", address: link.address }]);
    const first = rig.get(LOGS);
    (await node.next()).accept().end("1");
    await first;
    link.cut();
    await until(async () => (await rig.hub.metric("longshore_stream_peers")) === 0);
    const second = rig.get(LOGS);
    (await node.next()).accept().end("2");
    expect(await second).toMatchObject({ text: "2" });
  });

  it("S19 in part: believes no node that stands where a hub should be", async () => {
    await start({ hubs: 1 });
    const node = await rig.pki.hubCa.edge("n7");
    const impostor = await rig.pki.hubCa.issue({
      subject: "O=system:nodes, CN=system:node:n7",
      usage: SERVER_AUTH,
    });
    for (const tls of [node, impostor, await rig.pki.clusterCa.server()]) {
      const fake = await rig.add({ deps: { tls: { ca: rig.pki.hubCa.cert, ...tls } } });
      rig.hubsOf = () => Promise.resolve([rig.addressOf(fake)]);
      fake.node("n1");
      expect((await rig.get(LOGS)).text).toMatch(/cannot be reached/);
    }
  });
});

describe("bounds", () => {
  it("answers 429 beyond the streams of a node, of the hub, and of those that are opening", async () => {
    await start({ options: { maxStreamsPerNode: 2, maxStreams: 3, maxOpening: 1 } });
    rig.cluster.pod("db", "n2");
    const node = rig.hub.node("n1");
    const other = rig.hub.node("n2");
    const opening = rig.open(LOGS);
    const asked = await node.next();
    expect(await rig.get(LOGS)).toMatchObject({ status: 429, text: /1 streams at a time/ as unknown });
    const first = asked.accept();
    await opening;
    const second = rig.open(LOGS);
    (await node.next()).accept();
    await second;
    expect(await rig.get(LOGS)).toMatchObject({
      status: 429,
      text: 'node "n1" has 2 streams, which is the limit',
    });
    const third = rig.open("/containerLogs/default/db/main");
    (await other.next()).accept();
    await third;
    expect(await rig.get("/containerLogs/default/db/main")).toMatchObject({
      status: 429,
      text: "this hub has 3 streams, which is the limit",
    });
    first.end();
    first.resume();
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 2);
    const again = rig.open(LOGS);
    (await node.next()).accept();
    expect((await again).statusCode).toBe(200);
  });

  it("gives up on a node that does not answer, and tells it", async () => {
    await start({ options: { openTimeoutMs: 100 } });
    const node = rig.hub.node("n1");
    const got = rig.get(LOGS);
    const asked = await node.next();
    expect(await got).toMatchObject({ status: 500, text: 'node "n1" did not answer within 0.1 s' });
    await until(() => asked.signal.aborted);
  });

  it("leaves nothing behind after many opens and closes at random", async () => {
    await start({ hubs: 2, options: { halfClosedMs: 100 } });
    const node = rig.hubs[1]!.node("n1");
    const doOne = async (i: number): Promise<void> => {
      const goneAfterMs = (i * 7) % 60;
      if (i % 2 === 0) {
        const response = await rig.open(LOGS).catch(() => undefined);
        response?.resume();
        setTimeout(() => response?.destroy(), goneAfterMs);
        return;
      }
      const socket = await rig.upgrade(EXEC);
      setTimeout(() => socket.resume().destroy(), goneAfterMs);
      await closed(socket);
    };
    let asks = 0;
    const answer = (): void => {
      for (const asked of node.asked.splice(0)) {
        const turn = asks++ % 3;
        if (turn === 0) asked.refuse(new StreamError("NOT_FOUND", "no"));
        else {
          const stream = asked.accept().on("error", () => undefined);
          if (turn === 1) stream.resume().end("done");
          else stream.resume().write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        }
      }
    };
    const answering = setInterval(answer, 1);
    for (let batch = 0; batch < 10; batch++)
      await Promise.all(Array.from({ length: 50 }, (_, i) => doOne(batch * 50 + i)));
    await until(() => node.live === 0);
    clearInterval(answering);
    for (const hub of rig.hubs) {
      await until(async () => (await hub.metric("longshore_stream_active")) === 0);
      expect(hub.server.port).toBeGreaterThan(0);
    }
    expect(asks).toBeGreaterThan(100);
  }, 60_000);
});
