// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { kinds } from "@longshore/crds/kinds";
import { FLOWS, JOB_UID_LABEL, reportName, type JobKind } from "@longshore/crds/tasks";
import { expect } from "@jest/globals";
import { Registry } from "prom-client";
import { configUpdateJob } from "../../../src/config-update-job/index.ts";
import {
  createControllerDelivery,
  createHubDelivery,
  type Owner,
  type Want,
} from "../../../src/delivery/index.ts";
import { imagePrePullJob } from "../../../src/image-prepull-job/index.ts";
import { ALL_NODES, type MemberNode } from "../../../src/node-group/index.ts";
import { setupJobControllers, type JobDeps } from "../../../src/node-job/shell/index.ts";
import type { JobStatus, Task } from "../../../src/node-job/index.ts";
import { nodeUpgradeJob } from "../../../src/node-upgrade-job/index.ts";
import {
  createClient,
  createManager,
  isConflict,
  isNotFound,
  loadKubeConfig,
  silentLog,
  type KubeClient,
  type KubeObject,
  type LeaderElectionOptions,
  type ListResult,
  type Resource,
} from "../../../src/runtime/index.ts";
import { startApiServer } from "../../apiserver.ts";
import { installCrds } from "../../crds.ts";
import { NEW_EDGE, ackOf, silent } from "../../delivery/fixture.ts";
import { grantRole } from "../../object-sync/cluster.ts";
import { startRedis } from "../../redis.ts";
import { eventually } from "../../runtime/eventually.ts";
import { NODES } from "../../runtime/kinds.ts";

export type Shown = KubeObject & { readonly spec?: object; readonly status?: JobStatus };
export const JOBS: Readonly<Record<JobKind, Resource>> = kinds;
export const REPORTS: Resource = kinds.NodeTaskReport;
const EDGE = { "node-role.kubernetes.io/edge": "" };
export const CONTROLLERS = { token: "controllers", name: "controllers", groups: [] };

/** What a node tells of its task; undefined: nothing. */
export type Told = {
  readonly actions: readonly (readonly [string, boolean, string?])[];
  readonly more?: object;
  readonly attempt?: number;
};

/** All steps of a task that went well. */
export const wellDone = (kind: JobKind): Told => ({
  actions: Object.keys(FLOWS[kind])
    .filter((step) => step !== "RollBack")
    .map((step) => [step, true] as const),
});
export const failedAt = (step: string, reason: string): Told => ({ actions: [[step, false, reason]] });

export interface StartOptions extends Partial<Omit<JobDeps, "outbox" | "nodes" | "adapters">> {
  readonly election?: LeaderElectionOptions;
  /** Changes the client that the controllers have. */
  readonly meddle?: (client: KubeClient) => KubeClient;
}

export interface Running {
  readonly registry: Registry;
  /** As kill -9 would, as far as the world outside can tell: nothing of it is waited for, or written, any more. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export type JobBench = Awaited<ReturnType<typeof startJobBench>>;

/** A real API server and Redis, with hubs' work done by the tests. */
export async function startJobBench() {
  const [api, redis] = await Promise.all([startApiServer({ users: [CONTROLLERS] }), startRedis()]);
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await grantRole(client, CONTROLLERS.name);
  // With the rights that controllers are deployed with.
  const kubeconfig = await api.writeKubeconfig("controllers", CONTROLLERS);
  const running = new Set<Running>();
  let prefix = `j${randomUUID()}`;
  let hub = openHub();

  function openHub() {
    const delivery = createHubDelivery({
      ...{ redis: { url: redis.url }, prefix, log: silent, registry: new Registry() },
      ...{ hub: "hub-0", scopes: ["job"] as const },
    });
    const owners = new Map<string, Promise<Owner>>();
    const fence = async (node: string): Promise<Owner> => {
      await eventually(() => expect(delivery.connected()).toBe(true));
      return (await delivery.mailbox.fence(node, randomUUID(), NEW_EDGE)).owner;
    };
    const connect = (node: string): Promise<Owner> => {
      const known = owners.get(node) ?? fence(node);
      owners.set(node, known);
      return known;
    };
    return { delivery, owners, connect };
  }

  const bench = {
    ...{ api, redis, client },
    start({ election, meddle = (given) => given, ...options }: StartOptions = {}): Running {
      const registry = new Registry();
      const abort = new AbortController();
      // What is needed for a Lease is granted elsewhere.
      const kubeConfig = loadKubeConfig(election === undefined ? kubeconfig : api.kubeconfig);
      const own = createClient({ kubeConfig, userAgent: "controllers" });
      let isDead = false;
      const manager = createManager({
        ...{ client: meddle(mortal(own, () => isDead)), registry, log: silentLog },
        ...(election !== undefined && { leaderElection: election }),
      });
      const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
      const { resource, ...selection } = ALL_NODES;
      setupJobControllers(manager, {
        ...{ presenceMs: 200, settleMs: 20, ...options, outbox: delivery.outbox },
        nodes: manager.cache.informer<MemberNode>(resource, selection),
        adapters: [nodeUpgradeJob, imagePrePullJob, configUpdateJob],
      });
      manager.add({ start: (signal) => delivery.run(signal) });
      const ended = manager.start(abort.signal).catch(() => undefined);
      const stop = async (): Promise<void> => {
        running.delete(one);
        abort.abort();
        await ended;
        await delivery.stop();
        await own.close();
      };
      const one: Running = {
        registry,
        stop,
        kill() {
          isDead = true;
          return stop();
        },
      };
      running.add(one);
      return one;
    },
    /** Everything of the last test goes. */
    async reset(): Promise<void> {
      await Promise.all([...running].map((one) => one.stop()));
      await hub.delivery.stop();
      for (const resource of [...Object.values(JOBS), REPORTS, NODES].filter(({ plural }) =>
        CLEARED.has(plural),
      ))
        await clear(client, resource);
      prefix = `j${randomUUID()}`;
      hub = openHub();
    },
    async close(): Promise<void> {
      await Promise.all([...running].map((one) => one.stop()));
      await hub.delivery.stop();
      await client.close();
      await Promise.all([api.stop(), redis.stop()]);
    },
    /** Nodes that are Ready, with an agent of this version. */
    async addNodes(names: readonly string[], { version = "v1.23.0", ready = "True", labels = {} } = {}) {
      for (let at = 0; at < names.length; at += 50)
        await Promise.all(
          names
            .slice(at, at + 50)
            .map((name) => client.create(NODES, nodeOf(name, { version, ready, labels }))),
        );
    },
    setReady: (name: string, ready: "True" | "Unknown") =>
      client.patch(
        NODES,
        { name },
        { type: "merge", body: { status: { conditions: [readyCondition(ready)] } } },
        { subresource: "status" },
      ),
    create: (kind: JobKind, name: string, spec: object, version = "v1alpha2"): Promise<Shown> =>
      client.create<Shown>({ ...JOBS[kind], version }, { metadata: { name }, spec }),
    get: (kind: JobKind, name: string): Promise<Shown> => client.get<Shown>(JOBS[kind], { name }),
    /** As somebody else's controller does. */
    async writeStatus(kind: JobKind, name: string, status: object): Promise<void> {
      const job = await bench.get(kind, name);
      await client.update(JOBS[kind], { ...job, status }, { subresource: "status" });
    },
    async tasks(kind: JobKind, name: string): Promise<Record<string, string>> {
      const { status } = await bench.get(kind, name);
      return Object.fromEntries((status?.nodeStatus ?? []).map((t: Task) => [t.nodeName, t.phase]));
    },
    /** What a node's mailbox wants to be delivered of jobs; it is acked, as by an edge that takes it. */
    async deliver(node: string): Promise<string[]> {
      const owner = await hub.connect(node);
      const { wants } = await hub.delivery.mailbox.take(node, owner, 100, new Set());
      await hub.delivery.mailbox.ack(node, owner, wants.map(ackOf));
      return wants.filter(({ scope }) => scope === "job").map(wordsOf);
    },
    /** What it wants, of which nothing is taken. */
    async wanted(node: string): Promise<string[]> {
      const owner = await hub.connect(node);
      return (await hub.delivery.mailbox.take(node, owner, 100, new Set())).wants.map(wordsOf);
    },
    async disconnect(node: string): Promise<void> {
      await hub.delivery.mailbox.release(node, await hub.connect(node));
      hub.owners.delete(node);
    },
    askForPlacement: (node: string) => hub.delivery.mailbox.requestPlacement(node),
    /** The session is there, without a word of the Node. */
    connect: (node: string) => hub.connect(node),
    /** Begins the hub's heartbeat, without which nobody is connected. */
    serve: (wake: (node: string) => void = () => undefined) =>
      hub.delivery.wakeups.start({ wake, evict: () => undefined }),
    /** Stores a NodeTaskReport as a hub does. */
    report: (job: Shown, node: string, told: Told, attempt = told.attempt ?? 1): Promise<KubeObject> =>
      client.apply(REPORTS, reportOf(job, node, told, attempt), { fieldManager: "longshore-hub" }),
    async reports(): Promise<number> {
      return (await client.list(REPORTS)).items.length;
    },
    /** Edges that take each order, and tell at once how it went. Orders are written down as `node op kind/name`. */
    async edges(
      nodes: readonly string[],
      howItWent: (job: Shown, node: string) => Told | undefined,
    ): Promise<string[]> {
      const orders: string[] = [];
      const work = async (node: string): Promise<void> => {
        for (const order of await bench.deliver(node)) {
          orders.push(`${node} ${order}`);
          const [op = "", key = ""] = order.split(" ");
          const [kind = "", name = ""] = key.split("/");
          if (op !== "put") continue;
          const job = await bench.get(kindOf(kind), name).catch(() => undefined);
          const told = job && howItWent(job, node);
          if (job !== undefined && told !== undefined) await bench.report(job, node, told);
        }
      };
      await bench.serve((node) => void work(node));
      await Promise.all(nodes.map((node) => hub.connect(node)));
      return orders;
    },
    /** Every status that a job has, from now on. */
    async history(kind: JobKind, name: string): Promise<{ readonly seen: JobStatus[]; end(): void }> {
      const { resourceVersion } = await client.list(JOBS[kind]);
      const abort = new AbortController();
      const seen: JobStatus[] = [];
      const follow = async (): Promise<void> => {
        const options = { resourceVersion, timeoutSeconds: 300, signal: abort.signal };
        for await (const event of client.watch<Shown>(JOBS[kind], options))
          if (
            event.type !== "BOOKMARK" &&
            event.object.metadata.name === name &&
            event.object.status !== undefined
          )
            seen.push(event.object.status);
      };
      void follow().catch(() => undefined);
      return { seen, end: () => abort.abort() };
    },
  };
  return bench;
}

const CLEARED = new Set([
  "nodeupgradejobs",
  "imageprepulljobs",
  "configupdatejobs",
  "nodetaskreports",
  "nodes",
]);

async function clear(client: KubeClient, resource: Resource): Promise<void> {
  await client.deleteCollection(resource, { labelSelector: "!no-such-label" });
  const { items }: ListResult<KubeObject> = await client.list(resource);
  for (const { metadata } of items)
    await client
      .patch(resource, metadata, { type: "merge", body: { metadata: { finalizers: null } } })
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
}

/** A client that writes nothing any more once its process is dead. */
function mortal(client: KubeClient, isDead: () => boolean): KubeClient {
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function" || key === "watch" || key === "close") return value;
      const call = value as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown =>
        isDead() ? Promise.reject(new Error("dead")) : call.apply(target, args);
    },
  });
}

const readyCondition = (status: string) => ({ type: "Ready", status, reason: "Test", message: "" });

export const nodeOf = (name: string, o: { version: string; ready: string; labels: object }) => ({
  metadata: { name, labels: { ...EDGE, ...o.labels } },
  status: {
    conditions: [readyCondition(o.ready)],
    nodeInfo: { ...NODE_INFO, kubeletVersion: `v1.32.10-kubeedge-${o.version}` },
  },
});
const NODE_INFO = Object.fromEntries(
  [
    ...["machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion"],
    ...["kubeProxyVersion", "operatingSystem", "architecture"],
  ].map((key) => [key, ""]),
);

const wordsOf = ({ op, kind, name }: Want): string => `${op} ${kind}/${name}`;
const kindOf = (plural: string): JobKind =>
  (Object.keys(JOBS) as JobKind[]).find((kind) => kind.toLowerCase() === plural) ?? "NodeUpgradeJob";

function reportOf({ kind, metadata }: Shown, node: string, { actions, more }: Told, attempt: number): object {
  return {
    metadata: {
      name: reportName(metadata.uid, node),
      labels: { [JOB_UID_LABEL]: metadata.uid },
    },
    report: {
      ...{ jobKind: kind, jobName: metadata.name, jobUid: metadata.uid, nodeName: node, attempt },
      actions: actions.map(([action, isWell, reason = ""]) => ({
        ...{ action, status: isWell ? "True" : "False", reason },
        time: new Date().toISOString(),
      })),
      ...more,
    },
  };
}
