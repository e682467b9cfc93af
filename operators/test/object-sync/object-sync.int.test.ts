// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery, type HubDelivery } from "../../src/delivery/index.ts";
import { setupObjectSyncController } from "../../src/object-sync/index.ts";
import { CLUSTER_OBJECT_SYNC, OBJECT_SYNC } from "../../src/object-sync/record.ts";
import {
  createClient,
  createManager,
  isNotFound,
  loadKubeConfig,
  silentLog,
  type KubeClient,
  type KubeObject,
} from "../../src/runtime/index.ts";
import { setupWorkloadController } from "../../src/workload/index.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";
import { NEW_EDGE, ackOf, silent } from "../delivery/fixture.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { CONFIG_MAPS, NAMESPACES, NODES } from "../runtime/kinds.ts";
import { pod } from "../workload/builders.ts";
import { grantRole, installRecordKinds } from "./cluster.ts";

const PODS = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const INTERVAL_MS = 300;
let api: ApiServer;
let redis: TestRedis;
/** an administrator's */
let client: KubeClient;
/** with the rights of the controllers, and no others */
let controllers: KubeClient;
let prefix: string;
let node: string;
let hub: HubDelivery;
let registry: Registry;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const user = { token: randomUUID(), name: "controllers", groups: [] };
  [api, redis] = await Promise.all([startApiServer({ users: [user] }), startRedis({ appendOnly: true })]);
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installRecordKinds(client);
  await grantRole(client, "controllers");
  controllers = createClient({
    kubeConfig: loadKubeConfig(await api.writeKubeconfig("controllers", { token: user.token })),
    userAgent: "controllers",
  });
  await client.create(NAMESPACES, { metadata: { name: "ns" } });
}, 120_000);
afterAll(async () => {
  await Promise.all([client.close(), controllers.close()]);
  await Promise.all([api.stop(), redis.stop()]);
});

beforeEach(async () => {
  [prefix, node] = [`o${randomUUID()}`, `edge-${randomUUID().slice(0, 8)}.example`];
  hub = createHubDelivery({
    ...{ redis: { url: redis.url }, prefix, log: silent, registry: new Registry() },
    ...{ hub: "hub-0", scopes: ["workload"] },
  });
  await hub.wakeups.start({ wake: () => undefined, evict: () => undefined });
  await createNode(node);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await hub.stop();
  await clear();
});

/** Takes the node and its records away, for the next test's controllers see every node. */
async function clear(): Promise<void> {
  await client.delete(NODES, { name: node }).catch(ignoreMissing);
  for (const resource of [OBJECT_SYNC, CLUSTER_OBJECT_SYNC]) {
    const { items } = await client.list(resource);
    for (const { metadata } of items) await client.delete(resource, metadata).catch(ignoreMissing);
  }
}

function ignoreMissing(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

const createNode = (name: string): Promise<KubeObject> =>
  client.create(NODES, { metadata: { name, labels: { "node-role.kubernetes.io/edge": "" } } });

/** A ConfigMap, and a pod on the node that uses it. */
async function createUsed(name: string): Promise<KubeObject> {
  const created = await client.create(CONFIG_MAPS, { metadata: { namespace: "ns", name }, data: { a: "1" } });
  await client.create(PODS, {
    ...pod(name, node, { configMaps: [name] }),
    metadata: { name, namespace: "ns" },
  });
  return created;
}

const changed = (name: string, value: string): Promise<KubeObject> =>
  client.patch(CONFIG_MAPS, { namespace: "ns", name }, { type: "merge", body: { data: { a: value } } });

/** The controllers' process. @returns ends it */
function startControllers({ intervalMs = INTERVAL_MS } = {}): () => Promise<void> {
  registry = new Registry();
  const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
  const manager = createManager({ client: controllers, registry, log: silentLog });
  setupWorkloadController(manager, { outbox: delivery.outbox, term: () => 1 });
  setupObjectSyncController(manager, { ledger: delivery.ledger, intervalMs, pollIntervalMs: 50 });
  manager.add({ start: (signal) => delivery.run(signal) });
  const stop = new AbortController();
  const ended = manager.start(stop.signal);
  const end = async (): Promise<void> => {
    if (stop.signal.aborted) return;
    stop.abort();
    await ended;
    await delivery.stop();
  };
  ends.push(end);
  return end;
}

/** An EdgeCore connects, gets all that is wanted by now and acks it. @returns what it was */
async function deliver(): Promise<string[]> {
  const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
  const { wants, placementPending } = await hub.mailbox.take(node, owner, 100, new Set());
  expect(placementPending).toBe(false);
  await hub.mailbox.ack(node, owner, wants.map(ackOf));
  return wants.map((w) => `${w.op} ${w.kind}/${w.name}`).sort();
}

async function delivered(...want: string[]): Promise<void> {
  const seen: string[] = [];
  await eventually(async () => {
    seen.push(...(await deliver()));
    expect(seen).toEqual(expect.arrayContaining(want));
  });
}

interface Shown extends KubeObject {
  readonly spec: {
    readonly objectAPIVersion: string;
    readonly objectKind: string;
    readonly objectName: string;
  };
  readonly status?: { readonly objectResourceVersion?: string };
}

/** All records of the node, `kind/name@version` by their own name. */
async function records(of = node): Promise<Record<string, string>> {
  const [namespaced, cluster] = await Promise.all([
    client.list<Shown>(OBJECT_SYNC, { namespace: "ns" }),
    client.list<Shown>(CLUSTER_OBJECT_SYNC),
  ]);
  const own = [...namespaced.items, ...cluster.items].filter(({ metadata }) =>
    metadata.name.startsWith(`${of}.`),
  );
  return Object.fromEntries(
    own.map(({ metadata, spec, status }) => [
      metadata.name.slice(of.length + 1),
      `${spec.objectAPIVersion} ${spec.objectKind}/${spec.objectName}@${status?.objectResourceVersion ?? ""}`,
    ]),
  );
}

const told = ({ metadata }: KubeObject, kind = "ConfigMap"): string =>
  `v1 ${kind}/${metadata.name}@${metadata.resourceVersion}`;

async function recordOf(object: KubeObject, version = object.metadata.resourceVersion): Promise<void> {
  await eventually(async () => {
    expect((await records())[object.metadata.uid]).toBe(`v1 ConfigMap/${object.metadata.name}@${version}`);
  }, 10_000);
}

const countOf = async (metric: string): Promise<number> =>
  ((await registry.getSingleMetric(metric)?.get())?.values ?? []).reduce((sum, { value }) => sum + value, 0);

describe("ObjectSync", () => {
  it("A35 tells within 10 s which version of a ConfigMap the node has, follows its deletion and its successor, and goes with the Node", async () => {
    startControllers();
    const first = await createUsed("settings");
    await delivered("put configmap/settings", "put pod/settings", `put node/${node}`);
    await recordOf(first);
    expect(Object.values(await records())).toContainEqual(expect.stringContaining(`v1 Node/${node}@`));
    const namespacedName = { namespace: "ns", name: `${node}.${first.metadata.uid}` };
    const { metadata } = await client.get(OBJECT_SYNC, namespacedName);
    expect(metadata.ownerReferences).toMatchObject([{ kind: "Node", name: node }]);

    // the node is away meanwhile
    await client.delete(CONFIG_MAPS, { namespace: "ns", name: "settings" });
    await delivered("del configmap/settings");
    await eventually(async () => expect(await records()).not.toHaveProperty(first.metadata.uid));

    const second = await client.create(CONFIG_MAPS, { metadata: { namespace: "ns", name: "settings" } });
    await delivered("put configmap/settings");
    await recordOf(second);
    const update = await changed("settings", "later");
    await delivered("put configmap/settings");
    await recordOf(update);
    expect(await records()).not.toHaveProperty(first.metadata.uid);

    await client.delete(NODES, { name: node });
    await eventually(async () => expect(await records()).toEqual({}));
  }, 60_000);

  it("A35 is removed when its Node went while nobody looked", async () => {
    const end = startControllers();
    const settings = await createUsed("missed");
    await delivered("put configmap/missed");
    await recordOf(settings);
    await end();
    await client.delete(NODES, { name: node });
    startControllers();
    await eventually(async () => expect(await records()).toEqual({}));
  }, 60_000);

  it("is made again when somebody deletes it, and corrected when somebody spoils it", async () => {
    startControllers();
    const settings = await createUsed("spoilt");
    await delivered("put configmap/spoilt");
    await recordOf(settings);
    const name = { namespace: "ns", name: `${node}.${settings.metadata.uid}` };
    await client.delete(OBJECT_SYNC, name);
    await recordOf(settings);
    const body = { status: { objectResourceVersion: "abc" } };
    await client.patch(OBJECT_SYNC, name, { type: "merge", body }, { subresource: "status" });
    await recordOf(settings);
  }, 60_000);

  it("costs at most half a write a change when the same objects change steadily", async () => {
    startControllers({ intervalMs: 2000 });
    const names = ["s1", "s2", "s3", "s4", "s5"];
    for (const name of names) await createUsed(name);
    await delivered(...names.map((name) => `put configmap/${name}`));
    await eventually(async () => expect(Object.keys(await records())).toHaveLength(11));
    const before = await countOf("longshore_objectsync_writes_total");
    let changes = 0;
    const last: KubeObject[] = [];
    for (let round = 1; round <= 20; round++) {
      for (const [i, name] of names.entries()) last[i] = await changed(name, `v${round}`);
      await delivered(...names.map((name) => `put configmap/${name}`));
      changes += names.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const object of last) await recordOf(object);
    const writes = (await countOf("longshore_objectsync_writes_total")) - before;
    expect(writes).toBeGreaterThan(0);

    expect(writes / changes).toBeLessThanOrEqual(0.5);
  }, 60_000);

  it("keeps a namespace that is going from holding up the records of others", async () => {
    startControllers();
    await client.create(NAMESPACES, { metadata: { name: "going", finalizers: ["example.org/hold"] } });
    const gone = { namespace: "going", name: "lost" };
    await client.create(CONFIG_MAPS, { metadata: gone });
    await client.create(PODS, {
      ...pod("lost", node, { configMaps: ["lost"] }),
      metadata: { name: "lost", namespace: "going" },
    });
    await eventually(async () => {
      const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
      expect((await hub.mailbox.take(node, owner, 100, new Set())).total).toBe(3);
    });
    await client.delete(NAMESPACES, { name: "going" });
    const settings = await createUsed("stays");
    await delivered("put configmap/lost", "put configmap/stays");
    await recordOf(settings);
    await eventually(async () => {
      const metric = await registry.getSingleMetric("longshore_objectsync_skipped_total")?.get();
      expect(metric?.values.find(({ labels }) => labels["reason"] === "no_namespace")?.value).toBe(2);
    });
  }, 60_000);
});

describe("an emptied Redis", () => {
  async function wipe(): Promise<void> {
    const admin = new Redis(redis.url);
    await admin.flushall();
    admin.disconnect();
  }

  /** Connects when the node was placed anew. @returns what an EdgeCore gets */
  async function afterPlacement(): Promise<string[]> {
    let got: string[] = [];
    await eventually(async () => {
      got = await deliver();
    }, 20_000);
    return got;
  }

  it("is filled from the records, so that an EdgeCore gets only what changed meanwhile", async () => {
    startControllers();
    const [kept, gone, edited] = [
      await createUsed("kept"),
      await createUsed("gone"),
      await createUsed("edited"),
    ];
    await delivered("put configmap/kept", "put configmap/gone", "put configmap/edited");
    for (const object of [kept, gone, edited]) await recordOf(object);
    await eventually(async () => expect(Object.keys(await records())).toHaveLength(7));
    await client.delete(CONFIG_MAPS, { namespace: "ns", name: "gone" });
    const newer = await changed("edited", "2");
    // another version of a pod, with nothing in it for the node
    const status = { type: "merge", body: { status: { phase: "Running" } } } as const;
    await client.patch(PODS, { namespace: "ns", name: "kept" }, status, { subresource: "status" });
    await wipe();
    expect(await afterPlacement()).toEqual([
      "del configmap/gone",
      "put configmap/edited",
      `put node/${node}`,
    ]);
    await recordOf(newer);
    await recordOf(kept);
    expect(await countOf("longshore_delivery_restored_total")).toBe(6);
    expect(await deliver()).toEqual([]);
  }, 60_000);

  it("stands back behind the inventory of an edge that sends one", async () => {
    startControllers();
    const settings = await createUsed("ours");
    await delivered("put configmap/ours", "put pod/ours");
    await recordOf(settings);
    await wipe();
    await eventually(async () => expect(await countOf("longshore_delivery_restored_total")).toBe(2));
    const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
    await hub.mailbox.replaceAcked(node, owner, []);
    await eventually(async () => {
      const { wants, placementPending } = await hub.mailbox.take(node, owner, 100, new Set());
      expect(placementPending).toBe(false);
      expect(wants.map((w) => `${w.op} ${w.kind}`).sort()).toEqual(["put configmap", "put node", "put pod"]);
    });
    await eventually(async () => expect(await records()).toEqual({}));
  }, 60_000);

  it("is not filled for an edge that was reinstalled, whatever its records say", async () => {
    startControllers();
    const settings = await createUsed("anew");
    await delivered("put configmap/anew", "put pod/anew");
    await recordOf(settings);
    await hub.mailbox.clearAcked(node);
    expect(await afterPlacement()).toEqual(["put configmap/anew", `put node/${node}`, "put pod/anew"]);
  }, 60_000);

  it("S31 takes over what a CloudCore recorded, by the same names, and believes no nonsense", async () => {
    const [known, stale, odd, none] = [
      await createUsed("known"),
      await createUsed("stale"),
      await createUsed("odd"),
      await createUsed("none"),
    ];
    await recordAsCloudCore(known, known.metadata.resourceVersion);
    await recordAsCloudCore(stale, "1");
    await recordAsCloudCore(odd, "abc");
    await recordAsCloudCore(none, "0");
    startControllers();
    const got = await afterPlacement();
    const kindsOf = ["stale", "odd", "none"].map((name) => `put configmap/${name}`).sort();
    expect(got.filter((want) => want.includes("configmap"))).toEqual(kindsOf);
    for (const object of [known, stale, odd, none]) await recordOf(object);
    await eventually(async () => expect(Object.keys(await records())).toHaveLength(9));
    expect(Object.values(await records())).toContain(told(known));
    expect(await countOf("longshore_objectsync_skipped_total")).toBeGreaterThan(0);
  }, 60_000);

  async function recordAsCloudCore(object: KubeObject, version: string): Promise<void> {
    const name = `${node}.${object.metadata.uid}`;
    const spec = { objectAPIVersion: "v1", objectKind: "ConfigMap", objectName: object.metadata.name };
    await client.create(OBJECT_SYNC, {
      ...{ apiVersion: "reliablesyncs.kubeedge.io/v1alpha1", kind: "ObjectSync", spec },
      metadata: { namespace: "ns", name },
    });
    const body = { status: { objectResourceVersion: version } };
    await client.patch(
      OBJECT_SYNC,
      { namespace: "ns", name },
      { type: "merge", body },
      { subresource: "status" },
    );
  }
});

describe("a Redis that came back as it was a while ago", () => {
  const removePod = (name: string): Promise<void> =>
    client.delete(PODS, { namespace: "ns", name }, { gracePeriodSeconds: 0 });

  it("is corrected by the records: an EdgeCore loses what is gone, gets what it holds no more, and little else", async () => {
    startControllers();
    const kept = await createUsed("untouched");
    const regained = await createUsed("regained");
    await delivered("put configmap/untouched", "put configmap/regained", "put pod/regained");
    await eventually(async () => expect(Object.keys(await records())).toHaveLength(5));
    const files = join(dirname(redis.url), "appendonlydir");
    cpSync(files, `${files}.old`, { recursive: true });
    const late = await createUsed("late");
    await removePod("regained");
    await delivered("put configmap/late", "put pod/late", "del configmap/regained", "del pod/regained");
    await recordOf(late);
    await eventually(async () => expect(await records()).not.toHaveProperty(regained.metadata.uid));

    await redis.kill();
    await removePod("late");
    await client.create(PODS, {
      ...pod("again", node, { configMaps: ["regained"] }),
      metadata: { name: "again", namespace: "ns" },
    });
    rmSync(files, { recursive: true });
    cpSync(`${files}.old`, files, { recursive: true });
    await redis.start();
    const got: string[] = [];
    await eventually(async () => {
      got.push(...(await deliver()));
      const want = ["put pod/again", "put configmap/regained", "del configmap/late", "del pod/late"];
      expect(got).toEqual(expect.arrayContaining(want));
    });
    expect(got.filter((one) => one.endsWith("/untouched"))).toEqual([]);
    await recordOf(kept);
    await recordOf(regained);
    await eventually(async () => expect(await records()).not.toHaveProperty(late.metadata.uid));
    expect(await deliver()).toEqual([]);
  }, 60_000);
});

describe("without ObjectSync", () => {
  it("nothing is watched and nothing written", async () => {
    registry = new Registry();
    const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
    const manager = createManager({ client, registry, log: silentLog });
    setupWorkloadController(manager, { outbox: delivery.outbox, term: () => 1 });
    manager.add({ start: (signal) => delivery.run(signal) });
    const stop = new AbortController();
    const ended = manager.start(stop.signal);
    ends.push(async () => {
      stop.abort();
      await ended;
      await delivery.stop();
    });
    await createUsed("silent");
    await delivered("put configmap/silent");
    expect(await records()).toEqual({});
  }, 60_000);
});
