// SPDX-License-Identifier: Apache-2.0
import { createMux, STREAM_LIMITS } from "@longshore/crds/stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { Registry } from "prom-client";
import { WebSocket } from "ws";
import { readConfig } from "../../src/config/index.ts";
import { openAuthority, SecretStore, type Authority } from "../../src/hub/join/index.ts";
import { createHubRunnable, type HubDeps } from "../../src/roles/hub.ts";
import { systemClock } from "../../src/runtime/index.ts";
import { freePort } from "../apiserver.ts";
import { Edge } from "../hub/support/edge.ts";
import { FakeClient, gen } from "../hub/support/fake-client.ts";
import { createTestCa, type Identity, type TestCa } from "../hub/support/pki.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";

let redis: TestRedis;
let clusterCa: TestCa;
let apiServer: Identity;
let dir: string;
beforeAll(async () => {
  redis = await startRedis();
  clusterCa = await createTestCa("CN=kubernetes");
  apiServer = await clusterCa.issue({ subject: "O=system:masters, CN=kube-apiserver-kubelet-client" });
  dir = mkdtempSync(join(tmpdir(), "longshore-streams-"));
  writeFileSync(join(dir, "ca.crt"), clusterCa.cert);
});
afterAll(async () => {
  rmSync(dir, { recursive: true });
  await redis.stop();
});

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** What the API server holds: the CA of the hubs, and Nodes. */
class Cluster extends FakeClient {
  readonly authority: Promise<Authority> = openAuthority(
    new SecretStore(this.asClient(), "kubeedge"),
    systemClock,
    { hub: "test", hosts: ["127.0.0.1"] },
  );

  /** What an edge of this name shows. */
  async identity(node: string): Promise<Identity> {
    const { certificatePem, issueNodeCertificate, keyPem } = await import("../../src/hub/join/pki.ts");
    const { generateKeyPairSync } = await import("node:crypto");
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicKey = pair.publicKey.export({ type: "spki", format: "der" });
    const { ca } = await this.authority;
    const der = await issueNodeCertificate(ca, node, { publicKey, nowMs: Date.now(), days: 1 });
    return {
      cert: certificatePem(der),
      key: keyPem(pair.privateKey.export({ type: "sec1", format: "der" })),
    };
  }
}

interface RunningHub {
  readonly tunnel: number;
  readonly stream: number;
  readonly edgeStream: number;
  readonly lines: string[];
  readonly ended: Promise<void>;
}

async function startHub(cluster: Cluster, id: string, flags: readonly string[] = []): Promise<RunningHub> {
  const [tunnel, joinPort, stream, edgeStream] = (await Promise.all(Array.from({ length: 4 }, freePort))) as [
    number,
    number,
    number,
    number,
  ];
  const argv = [
    ...[`--hub-id=${id}`, "--hub-bind-address=127.0.0.1", `--redis-url=unix://${redis.url}`],
    ...[`--hub-tunnel-port=${tunnel}`, `--hub-join-port=${joinPort}`, "--hub-advertise-addresses=127.0.0.1"],
    ...[`--hub-stream-port=${stream}`, `--hub-stream-tunnel-port=${edgeStream}`],
    ...[`--hub-stream-client-ca-file=${join(dir, "ca.crt")}`, ...flags],
  ];
  const read = readConfig({ argv, env: {}, readFile: () => "" });
  if (read.action !== "run") throw new Error("not run");
  let ready = (): void => undefined;
  const lines: string[] = [];
  const stop = new AbortController();
  const runnable = createHubRunnable({
    config: { ...read.config, redis: { ...read.config.redis, keyPrefix: prefix } },
    client: cluster.asClient(),
    manager: { addReadyCheck: (_name: string, check: () => void) => void (ready = check) },
    registry: new Registry(),
    log: pino({ level: "info" }, { write: (line) => void lines.push(line) }),
    machine: { hostname: id, interfaces: {} },
    clusterCa: undefined,
  } as unknown as HubDeps);
  const ended = runnable.start(stop.signal);
  const settled = ended.then(
    () => "ended",
    () => "failed",
  );
  stops.push(async () => {
    stop.abort();
    await settled;
  });
  await Promise.race([eventually(() => ready()), ended]);
  return { tunnel, stream, edgeStream, lines, ended };
}

let prefix = "";

/** An edge that answers everything with this text. */
async function connectEdge(cluster: Cluster, hub: RunningHub, answer: string): Promise<Edge> {
  const { ca } = (await cluster.authority).tls;
  const identity = await cluster.identity("n1");
  const edge = new Edge({ port: hub.tunnel, ca, identity, node: "n1", negotiate: true });
  stops.push(() => edge.close());
  await edge.opened;
  const mux = createMux({
    socket: {
      send: (head, payload) => edge.ws.send(Buffer.concat([head, payload ?? Buffer.alloc(0)])),
      isWritable: () => true,
    },
    limits: STREAM_LIMITS,
    onIncoming: (incoming) => incoming.accept({ contentType: "text/plain" }).end(answer),
    onViolation: () => edge.ws.terminate(),
    clock: systemClock,
  });
  edge.onBinary = (message) => mux.receive(message);
  await edge.greet([], { streams: 1, clusterEpoch: 0 });
  return edge;
}

/** The API server asks a hub for something of n1. */
async function ask(cluster: Cluster, { stream }: RunningHub, believed?: string): Promise<string> {
  const { ca } = (await cluster.authority).tls;
  const options = { ca: believed ?? ca, ...apiServer, agent: false, path: "/nodes/n1/healthz" };
  return await new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: stream, ...options }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode ?? 0} ${body}`), reject);
    }).on("error", reject);
  });
}

const occupied = (): Promise<{ port: number; free: () => void }> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      resolve({ port, free: () => server.close() });
    });
  });

describe("a hub that serves streams", () => {
  it("answers for the nodes of its sessions, and for those of other hubs", async () => {
    prefix = `p${randomUUID()}`;
    const cluster = new Cluster();
    const [a, b] = [await startHub(cluster, "hub-a"), await startHub(cluster, "hub-b")];
    const edge = await connectEdge(cluster, a, "fine");
    expect(await ask(cluster, a)).toBe("200 fine");
    await eventually(async () => expect(await ask(cluster, b)).toBe("200 fine"));
    // The session moves, and who is asked does not matter.
    await connectEdge(cluster, b, "moved");
    await edge.closed;
    expect(await ask(cluster, b)).toBe("200 moved");
    expect(await ask(cluster, a)).toBe("200 moved");
  });

  it("shows API servers a certificate of their CA, and other hubs its own", async () => {
    prefix = `p${randomUUID()}`;
    const { cert, key } = await clusterCa.server();
    writeFileSync(join(dir, "tls.crt"), cert);
    writeFileSync(join(dir, "tls.key"), key);
    const files = [`--hub-stream-cert-file=${dir}/tls.crt`, `--hub-stream-key-file=${dir}/tls.key`];
    const cluster = new Cluster();
    const [a, b] = [await startHub(cluster, "hub-a", files), await startHub(cluster, "hub-b", files)];
    await connectEdge(cluster, a, "fine");
    await eventually(async () => expect(await ask(cluster, b, clusterCa.cert)).toBe("200 fine"));
    await expect(ask(cluster, b)).rejects.toThrow("certificate");
  });

  it("says that a node is offline when no hub has it", async () => {
    prefix = `p${randomUUID()}`;
    const cluster = new Cluster();
    const hub = await startHub(cluster, "hub-a");
    expect(await ask(cluster, hub)).toMatch(/^500 node "n1" is offline/);
  });

  it("takes the tunnel of an EdgeCore, lets its Node lead here, and tells the other hubs", async () => {
    prefix = `p${randomUUID()}`;
    const cluster = new Cluster();
    const hub = await startHub(cluster, "hub-a", ["--hub-stream-advertise-address=127.0.0.1"]);
    const own = { addresses: [{ type: "InternalIP", address: "192.0.2.2" }] };
    cluster.put("nodes", gen.object("Node", "n1", { status: own }));
    const ws = new WebSocket(`wss://127.0.0.1:${hub.edgeStream}/v1/kubeedge/connect`, {
      ca: (await cluster.authority).tls.ca,
      ...(await cluster.identity("n1")),
      headers: { SessionHostNameOverride: "n1", SessionInternalIP: "192.0.2.2" },
    });
    stops.push(() => ws.terminate());
    await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
    await eventually(() => expect(cluster.count("patch", "nodes//n1")).toBe(1));
    expect(cluster.objects.get("nodes//n1")).toMatchObject({
      metadata: { annotations: { "metrics.k8s.io/resource-metrics-path": "/nodes/n1/metrics/resource" } },
      status: {
        addresses: [{ address: "127.0.0.1" }, { address: "192.0.2.2" }, { $patch: "replace" }],
        daemonEndpoints: { kubeletEndpoint: { Port: hub.stream } },
      },
    });
    const { Redis } = await import("ioredis");
    const reader = new Redis(redis.url);
    stops.push(() => reader.disconnect());
    const key = `${prefix}:{n1}:tunnel`;
    await eventually(async () => expect(await reader.get(key)).toMatch(/^hub-a /));
    ws.terminate();
    await eventually(async () => expect(await reader.get(key)).toBeNull());
  });

  it.each(["--hub-stream-port", "--hub-stream-tunnel-port"])(
    "does not start when its %s is taken, and says which setting that is",
    async (flag) => {
      prefix = `p${randomUUID()}`;
      const taken = await occupied();
      const setting = flag === "--hub-stream-port" ? "hub.stream.port" : "hub.stream.tunnelPort";
      await expect(startHub(new Cluster(), "hub-a", [`${flag}=${taken.port}`])).rejects.toThrow(
        `${setting} ${taken.port} cannot be listened on`,
      );
      taken.free();
    },
  );

  it("opens neither port when streams are off", async () => {
    prefix = `p${randomUUID()}`;
    const cluster = new Cluster();
    const hub = await startHub(cluster, "hub-a", ["--hub-stream-enabled=false"]);
    await expect(ask(cluster, hub)).rejects.toThrow("ECONNREFUSED");
  });
});
