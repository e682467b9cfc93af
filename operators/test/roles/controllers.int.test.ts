// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { createKeyspace } from "../../src/delivery/keys.ts";
import { createClient, loadKubeConfig, type KubeClient } from "../../src/runtime/index.ts";
import { selections } from "../../src/workload/caches.ts";
import { freePort, startApiServer, type ApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";
import { startTcpProxy } from "../runtime/tcp-proxy.ts";
import { pod } from "../workload/builders.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const NODE = "edge-1";
const WEAK = "weak-token";
let api: ApiServer;
let redis: TestRedis;
let client: KubeClient;
let reader: Redis;
const children: ChildProcess[] = [];

beforeAll(async () => {
  const users = [{ token: WEAK, name: "weak", groups: [] }];
  [api, redis] = await Promise.all([startApiServer({ users }), startRedis()]);
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  reader = new Redis(redis.url);
  for (const name of ["kubeedge", "ns"]) await client.create(NAMESPACES, { metadata: { name } });
  await client.create(NODES, { metadata: { name: NODE, labels: { "node-role.kubernetes.io/edge": "" } } });
  await client.create(
    { group: "", version: "v1", plural: "serviceaccounts", kind: "ServiceAccount", namespaced: true },
    { metadata: { namespace: "ns", name: "default" } },
  );
}, 100_000);
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  reader.disconnect();
  await client.close();
  await Promise.all([api.stop(), redis.stop()]);
});

interface Run {
  readonly child: ChildProcess;
  readonly probes: number;
  readonly tunnel: number;
  /** How often the log has a line of this message. */
  said(message: string): number;
  metrics(): Promise<string>;
}

interface Given {
  readonly role: "all" | "controllers";
  readonly kubeconfig?: string;
  readonly flags?: readonly string[];
}

async function start({ role, kubeconfig = api.kubeconfig, flags = [] }: Given): Promise<Run> {
  const [probes = 0, metrics = 0, tunnel = 0, join = 0, stream = 0, edges = 0] = await Promise.all(
    Array.from({ length: 6 }, freePort),
  );
  const ports = [`--probes-port=${probes}`, `--metrics-controllers-port=${metrics}`];
  const hub = [
    ...["--hub-bind-address=127.0.0.1", `--hub-tunnel-port=${tunnel}`, `--hub-join-port=${join}`],
    ...[`--hub-stream-port=${stream}`, `--hub-stream-tunnel-port=${edges}`],
  ];
  const places = [`--kubeconfig=${kubeconfig}`, `--redis-url=unix://${redis.url}`];
  const args = ["--conditions=source", MAIN, `--role=${role}`, ...places, ...ports, ...hub, ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return {
    child,
    probes,
    tunnel,
    said: (message) => output.split(`"msg":"${message}"`).length - 1,
    metrics: async () => (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text(),
  };
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
const probe = async ({ probes }: Run, path: string): Promise<number> =>
  (await fetch(`http://127.0.0.1:${probes}/${path}`)).status;
const isLeader = async (run: Run, is: 0 | 1): Promise<void> =>
  expect(await run.metrics()).toContain(`leader_election_master_status{name="longshore-controllers"} ${is}`);

async function place(name: string): Promise<void> {
  await client.create(selections.pod.resource, {
    ...pod(name, NODE),
    metadata: { namespace: "ns", name },
  });
}

async function isPlaced(name: string): Promise<boolean> {
  const keys = await reader.hkeys(createKeyspace("longshore").node(NODE).want);
  return keys.some((key) => key.endsWith(`/${name}`));
}

describe("the controllers' process", () => {
  it("R29 outlives 12 s without the API server in role all: the hub stays, and it leads and places again", async () => {
    const proxy = await startTcpProxy(api.port);
    const kubeconfig = await api.writeKubeconfig("cut", { url: `https://127.0.0.1:${proxy.port}` });
    const run = await start({ role: "all", kubeconfig });
    await eventually(() => isLeader(run, 1));
    await eventually(async () => expect(await probe(run, "readyz")).toBe(200));
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(run.said("leadership lost, standing for election again")).toBe(1));
    await isLeader(run, 0);
    expect(await probe(run, "readyz")).toBe(200);
    expect(await probe(run, "healthz")).toBe(200);
    expect(await listens(run.tunnel)).toBe(true);
    proxy.pass();
    await place("after-outage");
    await eventually(async () => expect(await isPlaced("after-outage")).toBe(true));
    await isLeader(run, 1);
    expect(run.said("became leader")).toBe(2);
    expect(run.said("leadership lost, standing for election again")).toBe(1);
    expect(run.child.exitCode).toBeNull();
    expect(run.said("hub listens")).toBe(1);
    await proxy.close();
  }, 150_000);

  it("R17 places within seconds after kill -9 when it has an identity, and not before its Lease is over when it has none", async () => {
    const identity = ["--controllers-identity=controllers-0"];
    const first = await start({ role: "controllers", flags: identity });
    await eventually(() => isLeader(first, 1), 60_000); // a Lease of the test before may still stand
    first.child.kill("SIGKILL");
    await place("after-kill");
    const second = await start({ role: "controllers", flags: identity });
    await eventually(() => second.metrics().then(() => undefined));
    await eventually(async () => expect(await isPlaced("after-kill")).toBe(true), 12_000); // a Lease is 15 s
    await isLeader(second, 1);
    second.child.kill("SIGKILL");
    const nameless = await start({ role: "controllers" });
    await eventually(async () => expect(await probe(nameless, "readyz")).toBe(200));
    await isLeader(nameless, 0);
  }, 150_000);

  it("serves edges in role all although its controllers may not list anything", async () => {
    const rbac = { group: "rbac.authorization.k8s.io", version: "v1", namespaced: false } as const;
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "create", "update"] }];
    await client.create(
      { ...rbac, plural: "clusterroles", kind: "ClusterRole" },
      { metadata: { name: "weak" }, rules },
    );
    const subject = { kind: "User", name: "weak", apiGroup: "rbac.authorization.k8s.io" };
    const roleRef = { kind: "ClusterRole", name: "weak", apiGroup: "rbac.authorization.k8s.io" };
    await client.create(
      { ...rbac, plural: "clusterrolebindings", kind: "ClusterRoleBinding" },
      { metadata: { name: "weak" }, subjects: [subject], roleRef },
    );
    const run = await start({
      role: "all",
      kubeconfig: await api.writeKubeconfig("weak", { token: WEAK }),
    });
    await eventually(async () => expect(await probe(run, "readyz/hub")).toBe(200));
    expect(await listens(run.tunnel)).toBe(true);
    expect(await probe(run, "readyz/controllers")).toBe(500);
  });
});
