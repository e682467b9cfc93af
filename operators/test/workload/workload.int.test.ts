// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery, type HubDelivery } from "../../src/delivery/index.ts";
import {
  createClient,
  createManager,
  loadKubeConfig,
  silentLog,
  type KubeClient,
} from "../../src/runtime/index.ts";
import { selections } from "../../src/workload/caches.ts";
import { setupWorkloadController } from "../../src/workload/index.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";
import { NEW_EDGE, ackOf, silent } from "../delivery/fixture.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { pod } from "./builders.ts";

const NODE = "edge-1";
const prefix = `w${randomUUID()}`;
let api: ApiServer;
let redis: TestRedis;
let client: KubeClient;
let hub: HubDelivery;

beforeAll(async () => {
  [api, redis] = await Promise.all([startApiServer(), startRedis({ appendOnly: true })]);
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  hub = createHubDelivery({
    ...{ redis: { url: redis.url }, prefix, log: silent, registry: new Registry() },
    ...{ hub: "hub-0", scopes: ["workload"] },
  });
  await hub.wakeups.start({ wake: () => undefined, evict: () => undefined });
  await seed();
}, 120_000);

afterAll(async () => {
  await hub.stop();
  await client.close();
  await Promise.all([api.stop(), redis.stop()]);
});

async function seed(): Promise<void> {
  const metadata = { namespace: "ns" };
  const { node, configmap, secret, pod: pods } = selections;
  await client.create(node.resource, {
    metadata: { name: NODE, labels: { "node-role.kubernetes.io/edge": "" } },
  });
  await client.create(node.resource, { metadata: { name: "cloud-1" } });
  await client.create(
    { ...node.resource, plural: "namespaces", kind: "Namespace" },
    { metadata: { name: "ns" } },
  );
  const account = { ...configmap.resource, plural: "serviceaccounts", kind: "ServiceAccount" };
  await client.create(account, { metadata: { ...metadata, name: "default" } });
  await client.create(configmap.resource, { metadata: { ...metadata, name: "settings" }, data: { a: "1" } });
  await client.create(secret.resource, { metadata: { ...metadata, name: "key" }, stringData: { k: "hush" } });
  const references = { configMaps: ["settings"], secrets: ["key"] };
  await client.create(pods.resource, {
    ...pod("web", NODE, references),
    metadata: { ...metadata, name: "web" },
  });
  await client.create(pods.resource, {
    ...pod("far", "cloud-1", references),
    metadata: { ...metadata, name: "far" },
  });
}

/** The controllers' process, as often as it is started. */
async function withControllers(use: (written: () => Promise<number>) => Promise<void>): Promise<void> {
  const registry = new Registry();
  const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
  const manager = createManager({ client, registry, log: silentLog });
  setupWorkloadController(manager, { outbox: delivery.outbox, term: () => 1 });
  manager.add({ start: (signal) => delivery.run(signal) });
  const stop = new AbortController();
  const ended = manager.start(stop.signal);
  const count = async (name: string): Promise<number> =>
    (await registry.getSingleMetric(`longshore_delivery_${name}_total`)?.get())?.values[0]?.value ?? 0;
  try {
    await use(async () => (await count("puts")) + (await count("dels")));
  } finally {
    stop.abort();
    await ended;
    await delivery.stop();
  }
}

/** Delivers all that is wanted by now. @returns what it was */
async function deliver(): Promise<string[]> {
  const { owner } = await hub.mailbox.fence(NODE, randomUUID(), NEW_EDGE);
  const { wants } = await hub.mailbox.take(NODE, owner, 100, new Set());
  await hub.mailbox.ack(NODE, owner, wants.map(ackOf));
  return wants.map((w) => `${w.op} ${w.kind}/${w.namespace}/${w.name}`).sort();
}

async function delivered(want: readonly string[]): Promise<void> {
  const seen: string[] = [];
  await eventually(async () => {
    seen.push(...(await deliver()));
    expect([...seen].sort()).toEqual(want);
  });
}

describe("placement of workloads", () => {
  it("follows the API server, and a restart with nothing changed writes nothing", async () => {
    await withControllers(async () => {
      await delivered([
        "put configmap/ns/settings",
        `put node//${NODE}`,
        "put pod/ns/web",
        "put secret/ns/key",
      ]);

      const settings = { name: "settings", namespace: "ns" };
      await client.patch(selections.configmap.resource, settings, {
        type: "merge",
        body: { data: { a: "2" } },
      });
      await delivered(["put configmap/ns/settings"]);

      const status = { type: "merge", body: { status: { phase: "Running" } } } as const;
      await client.patch(selections.pod.resource, { name: "web", namespace: "ns" }, status, {
        subresource: "status",
      });
      await client.delete(selections.secret.resource, { name: "key", namespace: "ns" });
      await delivered(["del secret/ns/key"]);
    });

    await withControllers(async (written) => {
      // A change that does arrive proves that the comparison at the start is over.
      await client.delete(selections.configmap.resource, { name: "settings", namespace: "ns" });
      await delivered(["del configmap/ns/settings"]);
      expect(await written()).toBe(1);
      // not counted: the API server may mark the pod as deleting before it goes, which is a put of its own
      const now = { gracePeriodSeconds: 0 };
      await client.delete(selections.pod.resource, { name: "web", namespace: "ns" }, now);
      await eventually(async () => {
        await deliver();
        // the Node alone
        expect((await hub.mailbox.fence(NODE, randomUUID(), NEW_EDGE)).ackedCount).toBe(1);
      });
    });

    await withControllers(async () => {
      await client.delete(selections.node.resource, { name: NODE });
      // The session of an edge that is not registered lives on, with nothing in its mailbox.
      await eventually(async () => {
        const fence = await hub.mailbox.fence(NODE, randomUUID(), NEW_EDGE);
        const batch = await hub.mailbox.take(NODE, fence.owner, 9, new Set());
        expect([fence.ackedCount, batch]).toEqual([0, { wants: [], total: 0, placementPending: true }]);
      });
    });
  }, 120_000);
});
