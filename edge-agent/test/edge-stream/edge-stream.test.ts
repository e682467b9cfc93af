// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { StreamError, TUNNEL_TYPE, type StreamOpener, type StreamRequest } from "@longshore/crds/stream";
import { Duplex, duplexPair, PassThrough } from "node:stream";
import { Registry } from "prom-client";
import {
  createEdgeStream,
  createEdgeStreamMetrics,
  type EdgeStream,
  type EdgeStreamDeps,
} from "../../src/edge-stream/index.ts";
import { createAuthority, type Authority, type Pair } from "../join/authority.ts";
import { fakeClock, fakeLog, until, type FakeClock, type FakeLog } from "../tunnel/fakes.ts";
import { startCloudCore, type CloudCore, type CloudTunnel } from "./cloud-core.ts";

const LOGS = { Path: "/containerLogs/default/web/app", RawQuery: "follow=true" };
const EXEC = { Path: "/exec/default/web/app", RawQuery: "command=sh&command=%3Bid&input=1&output=1" };
const UPGRADE = {
  method: "POST",
  header: {
    Connection: ["Upgrade"],
    Upgrade: ["SPDY/3.1"],
    Authorization: ["Bearer secret"],
    "X-Stream-Protocol-Version": ["v5.channel.k8s.io", "v4.channel.k8s.io"],
  },
};

interface Opened {
  readonly request: StreamRequest;
  readonly signal: AbortSignal | undefined;
  /** The end that stands for the container. */
  readonly far: Duplex;
}

/** Opens whatever is asked, and lets the test be the other end. */
class FakeNode implements StreamOpener {
  readonly opened: Opened[] = [];
  refuse: Error | undefined;

  async open(request: StreamRequest, signal?: AbortSignal): Promise<{ head: object; stream: Duplex }> {
    await Promise.resolve();
    if (this.refuse !== undefined) throw this.refuse;
    const [stream, far] = duplexPair();
    far.on("error", () => undefined);
    this.opened.push({ request, signal, far });
    return { head: {}, stream };
  }

  async next(n: number): Promise<Opened> {
    await until(() => this.opened.length >= n, `opened stream ${n}`);
    return this.opened[n - 1]!;
  }
}

let authority: Authority;
let identity: Pair;
let cloud: CloudCore;
let edge: EdgeStream;
let clock: FakeClock;
let log: FakeLog;
let node: FakeNode;
let registry: Registry;

beforeAll(async () => {
  authority = await createAuthority();
  identity = await authority.node("n1");
});
afterEach(async () => {
  await cloud.close();
  const stopped = edge.stop();
  clock.advance(1_000);
  await stopped;
});

async function start(deps: Partial<EdgeStreamDeps> = {}): Promise<CloudTunnel> {
  cloud = await startCloudCore(authority);
  prepare({ server: cloud.address, ...deps });
  edge.start();
  return await cloud.tunnel(1);
}

function prepare(deps: Partial<EdgeStreamDeps>): void {
  clock = fakeClock();
  log = fakeLog();
  node = new FakeNode();
  registry = new Registry();
  edge = createEdgeStream({
    server: "",
    node: "n1",
    ip: "10.0.0.2",
    identity: () => ({ ca: authority.caPem, ...identity }),
    opener: node,
    log,
    clock,
    metrics: createEdgeStreamMetrics(registry),
    random: () => 0,
    ...deps,
  });
}

describe("the stream tunnel to a CloudCore", () => {
  it("dials as EdgeCore does, with the node's certificate", async () => {
    const tunnel = await start();
    expect(tunnel.url).toBe("/v1/kubeedge/connect");
    expect(tunnel.headers).toMatchObject({ sessionhostnameoverride: "n1", sessioninternalip: "10.0.0.2" });
    expect(tunnel.peer).toBe("system:node:n1");
  });

  it("serves a log to its end", async () => {
    const tunnel = await start();
    tunnel.connect(7, TUNNEL_TYPE.logs, LOGS);
    const { request, far } = await node.next(1);
    expect(request).toEqual({
      verb: "logs",
      namespace: "default",
      pod: "web",
      uid: "",
      container: "app",
      options: { follow: true },
    });
    far.write("one\n");
    await until(() => tunnel.data(7).length === 4, "first line");
    expect(tunnel.isOver(7)).toBe(false);
    far.end("two\n");
    expect(await tunnel.whole(7)).toBe("one\ntwo\n");
    expect(tunnel.isBinary).toBe(false);
  });

  it.each([
    ["/stats/summary", "stats/summary"],
    ["/metrics/cadvisor", "metrics/cadvisor"],
    ["/nodes/n1/metrics/resource", "metrics/resource"],
  ])("serves %s", async (Path, what) => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.metrics, { Path });
    const { request, far } = await node.next(1);
    expect(request).toEqual({ verb: "read", what });
    far.end("a 1\nb 2\n");
    expect(await tunnel.whole(1)).toBe("a 1\nb 2\n");
  });

  it("carries exec as bytes both ways, with the headers of the upgrade and no other", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    const { request, far } = await node.next(1);
    expect(request).toMatchObject({
      verb: "exec",
      command: ["sh", ";id"],
      stdin: true,
      upgrade: {
        method: "POST",
        headers: [
          ["connection", "Upgrade"],
          ["upgrade", "SPDY/3.1"],
          ["x-stream-protocol-version", "v5.channel.k8s.io"],
          ["x-stream-protocol-version", "v4.channel.k8s.io"],
        ],
      },
    });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    far.write(bytes);
    await until(() => tunnel.data(1).length === 256, "bytes of the container");
    expect(tunnel.data(1)).toEqual(bytes);
    tunnel.send(1, TUNNEL_TYPE.data, bytes);
    await until(() => far.readableLength === 256, "bytes of the cloud");
    expect(far.read()).toEqual(bytes);
    far.end();
    await tunnel.whole(1);
  });

  it("sends 3 MB in messages of at most 32 KiB, in order", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    const { far } = await node.next(1);
    const sent = Buffer.alloc(3_000_000, "0123456789");
    far.end(sent);
    await tunnel.whole(1);
    expect(tunnel.data(1).equals(sent)).toBe(true);
    expect(Math.max(...tunnel.messages.map(({ payload }) => payload.length))).toBe(32 * 1024);
  });

  it("ends what the cloud has given up", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    const { far, signal } = await node.next(1);
    tunnel.send(1, TUNNEL_TYPE.remove, "");
    await until(() => far.readableEnded || far.destroyed || signal?.aborted === true, "the end");
    await tunnel.whole(1);
    tunnel.send(1, TUNNEL_TYPE.data, "late");
    tunnel.connect(2, TUNNEL_TYPE.logs, LOGS);
    (await node.next(2)).far.end("on");
    expect(await tunnel.whole(2)).toBe("on");
  });

  it("says why exec is refused in an HTTP answer, and a log's refusal in a line", async () => {
    const tunnel = await start();
    node.refuse = new StreamError("NOT_FOUND", "no such container");
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    expect(await tunnel.whole(1)).toBe(
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 18\r\n" +
        "Connection: close\r\n\r\nno such container\n",
    );
    tunnel.connect(2, TUNNEL_TYPE.logs, LOGS);
    expect(await tunnel.whole(2)).toBe("no such container\n");
  });

  it.each([
    ["the metadata service", TUNNEL_TYPE.metrics, { Host: "169.254.169.254", Path: "/stats/summary" }],
    ["a path of another server", TUNNEL_TYPE.metrics, { Path: "/latest/meta-data" }],
    ["another host by an odd URL", TUNNEL_TYPE.metrics, { Path: "//169.254.169.254/pods" }],
    ["an opaque URL", TUNNEL_TYPE.logs, { ...LOGS, Opaque: "//169.254.169.254/" }],
    ["another node", TUNNEL_TYPE.metrics, { Path: "/nodes/n2/pods" }],
    ["exec in the words of logs", TUNNEL_TYPE.logs, EXEC],
    ["a log beyond its folder", TUNNEL_TYPE.logs, { Path: "/containerLogs/default/../../etc" }],
    ["exec without an upgrade", TUNNEL_TYPE.exec, EXEC],
    ["a negative tail", TUNNEL_TYPE.logs, { ...LOGS, RawQuery: "tailLines=-1" }],
  ])("S25 refuses %s and opens nothing", async (_what, type, url) => {
    const tunnel = await start();
    tunnel.connect(1, type, url);
    expect(await tunnel.whole(1)).not.toBe("");
    expect(node.opened).toEqual([]);
  });

  it("S25 drops a verb that it does not know, and keeps the tunnel", async () => {
    const tunnel = await start();
    tunnel.connect(1, 42, LOGS);
    tunnel.ws.send(Buffer.from([0xff]), { binary: false });
    tunnel.send(2, TUNNEL_TYPE.logs, "no json");
    expect(await tunnel.whole(2)).toContain("not JSON");
    expect(node.opened).toEqual([]);
    expect(tunnel.isOver(1)).toBe(false);
  });

  it("B144 leaves a stream alone whose id is asked for again", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    const { far } = await node.next(1);
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    far.end("x");
    expect(await tunnel.whole(1)).toBe("x");
    expect(node.opened.length).toBe(1);
  });

  it("bounds the streams", async () => {
    const tunnel = await start({ options: { maxStreams: 1 } });
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    const { far } = await node.next(1);
    tunnel.connect(2, TUNNEL_TYPE.logs, LOGS);
    expect(await tunnel.whole(2)).toContain("1 streams");
    far.end();
    await tunnel.whole(1);
    tunnel.connect(3, TUNNEL_TYPE.logs, LOGS);
    await node.next(2);
  });

  it("S6 closes the stream of a message of 64 MiB, and no other", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    tunnel.connect(2, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    const sibling = (await node.next(2)).far;
    const big = Buffer.concat([Buffer.from([1, TUNNEL_TYPE.data]), Buffer.alloc(64 * 1024 * 1024)]);
    tunnel.ws.send(big, { binary: false });
    tunnel.send(2, TUNNEL_TYPE.data, "on");
    await tunnel.whole(1);
    await until(() => sibling.readableLength === 2, "the sibling goes on");
    expect((await node.next(1)).far.readableLength).toBe(0);
  });
});

describe("streams that stall", () => {
  const limits = { pauseBytes: 100_000, resumeBytes: 50_000, stallMs: 500, maxPauseMs: 60_000 };

  it("R21 closes the stream that takes nothing, and serves the others again", async () => {
    const tunnel = await start({ options: limits });
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    tunnel.connect(2, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    const sibling = (await node.next(2)).far;
    for (let i = 0; i < 20; i++) tunnel.send(1, TUNNEL_TYPE.data, Buffer.alloc(32 * 1024));
    tunnel.send(2, TUNNEL_TYPE.data, "on");
    await until(() => clock.waiting().includes(500), "the tunnel waits");
    clock.advance(500);
    await until(() => sibling.readableLength === 2, "the sibling goes on");
    await tunnel.whole(1);
  });

  it("R21 loses nothing of a stream that is slow", async () => {
    const tunnel = await start({ options: limits });
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    const { far } = await node.next(1);
    for (let i = 0; i < 100; i++) tunnel.send(1, TUNNEL_TYPE.data, Buffer.alloc(32 * 1024, "x"));
    await until(() => clock.waiting().includes(500), "the tunnel waits");
    let bytes = 0;
    far.on("data", (chunk: Buffer) => (bytes += chunk.length));
    await until(() => bytes === 100 * 32 * 1024, "all bytes");
    expect(tunnel.isOver(1)).toBe(false);
  });

  it("keeps what comes before the stream is open, and no more than it may", async () => {
    const slow = new PassThrough();
    let opened = (): void => undefined;
    const opener: StreamOpener = {
      open: async () => {
        await new Promise<void>((resolve) => (opened = resolve));
        return { head: {}, stream: slow };
      },
    };
    const tunnel = await start({ opener, options: { maxStreamBytes: 200_000 } });
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    tunnel.send(1, TUNNEL_TYPE.data, "early ");
    tunnel.send(1, TUNNEL_TYPE.data, "bytes");
    await new Promise((resolve) => tunnel.ws.ping("", false, resolve));
    await new Promise((resolve) => tunnel.ws.once("pong", resolve));
    opened();
    await until(() => tunnel.data(1).toString() === "early bytes", "what came early");
    tunnel.connect(2, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    tunnel.send(2, TUNNEL_TYPE.data, Buffer.alloc(200_001));
    await new Promise((resolve) => tunnel.ws.ping("", false, resolve));
    await new Promise((resolve) => tunnel.ws.once("pong", resolve));
    opened();
    await tunnel.whole(2);
  });
});

describe("the connection to a CloudCore", () => {
  it("pings every 5 s with KubeEdge's text, and gives a silent cloud up in 20 s", async () => {
    const tunnel = await start();
    await until(() => clock.waiting().includes(5_000), "the watch");
    clock.advance(5_000);
    await until(() => tunnel.pings.length === 1, "ping");
    expect(tunnel.pings).toEqual(["ping you"]);
    tunnel.ws.pause();
    for (let i = 0; i < 4; i++) clock.advance(5_000);
    await until(() => clock.waiting().includes(2_000), "the redial");
    clock.advance(2_000);
    await cloud.tunnel(2);
  });

  it("ends its streams with the connection, and redials after 2 s", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.exec, EXEC, UPGRADE);
    const { signal } = await node.next(1);
    tunnel.ws.terminate();
    await until(() => signal?.aborted === true, "the stream ends");
    await until(() => clock.waiting().includes(2_000), "the redial");
    clock.advance(2_000);
    const again = await cloud.tunnel(2);
    again.connect(1, TUNNEL_TYPE.logs, LOGS);
    (await node.next(2)).far.end("x");
    expect(await again.whole(1)).toBe("x");
  });

  it("waits longer the more often it fails, up to 60 s", async () => {
    cloud = await startCloudCore(authority);
    await cloud.close();
    prepare({ server: cloud.address });
    edge.start();
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) {
      await until(() => clock.waiting().length > 0, "the redial");
      delays.push(clock.waiting()[0]!);
      clock.advance(60_000);
    }
    expect(delays).toEqual([2_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("goes on when its certificate cannot be read at the moment", async () => {
    cloud = await startCloudCore(authority);
    let isThere = false;
    prepare({
      server: cloud.address,
      identity: () => {
        if (!isThere) throw new Error("no such file");
        return { ca: authority.caPem, ...identity };
      },
    });
    edge.start();
    isThere = true;
    clock.advance(2_000);
    await cloud.tunnel(1);
  });

  it("closes when the cloud refuses the tunnel, and says why", async () => {
    const tunnel = await start();
    tunnel.send(0, TUNNEL_TYPE.close, "no port left");
    await until(() => clock.waiting().includes(2_000), "the redial");
    expect(log.lines.join("\n")).toContain("no port left");
  });

  it("trusts no server of another authority", async () => {
    const other = await createAuthority();
    cloud = await startCloudCore(other);
    prepare({ server: cloud.address });
    edge.start();
    await until(() => clock.waiting().includes(2_000), "the redial");
    expect(cloud.tunnels).toEqual([]);
  });

  it("stops for good", async () => {
    const tunnel = await start();
    tunnel.connect(1, TUNNEL_TYPE.logs, LOGS);
    const { signal } = await node.next(1);
    await edge.stop();
    await until(() => signal?.aborted === true, "the stream ends");
    expect(clock.waiting()).toEqual([]);
  });
});
