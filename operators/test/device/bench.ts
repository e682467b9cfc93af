// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "@jest/globals";
import { Registry } from "prom-client";
import {
  createControllerDelivery,
  createHubDelivery,
  type NodeStanding,
  type Outbox,
} from "../../src/delivery/index.ts";
import { selections } from "../../src/device/caches.ts";
import { setupDeviceController, type DeviceDeps } from "../../src/device/index.ts";
import {
  createClient,
  createManager,
  loadKubeConfig,
  pause,
  silentLog,
  systemClock,
  type Condition,
  type KubeClient,
  type KubeObject,
  type Resource,
} from "../../src/runtime/index.ts";
import { setupWorkloadController } from "../../src/workload/index.ts";
import { controlPlaneBin, startApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { NEW_EDGE, ackOf, silent } from "../delivery/fixture.ts";
import { startRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";
import { device as deviceOf } from "./builders.ts";

export const DEVICES = selections.device.resource;
export const MODELS = selections.devicemodel.resource;
export const STATUSES = selections.devicestatus.resource;
export const EDGE = { "node-role.kubernetes.io/edge": "" };

export interface Shown extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly state?: string;
    readonly lastOnlineTime?: string;
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: { readonly value: string };
    }[];
  };
}

export const named = (name: string) => ({ namespace: "ns", name });

/** A client that writes down what it is asked to write, as `verb Kind`. */
function counting(client: KubeClient, writes: string[]): KubeClient {
  const verbs = new Set(["create", "patch", "apply", "delete"]);
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const call = value as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        if (verbs.has(String(key))) writes.push(`${String(key)} ${(args[0] as Resource).kind}`);
        return call.apply(target, args);
      };
    },
  });
}

export type DeviceBench = Awaited<ReturnType<typeof startDeviceBench>>;

/** A real API server and Redis with the controllers of devices, and a hub whose nodes ack when a test says so. */
export async function startDeviceBench(tuning: Omit<DeviceDeps, "outbox"> = {}) {
  const [api, redis] = await Promise.all([startApiServer(), startRedis({ appendOnly: true })]);
  const prefix = `d${randomUUID()}`;
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  const hub = createHubDelivery({
    ...{ redis: { url: redis.url }, prefix, log: silent, registry: new Registry() },
    ...{ hub: "hub-0", scopes: ["workload", "device"] },
  });
  await hub.wakeups.start({ wake: () => undefined, evict: () => undefined });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "ns" } });
  for (const name of ["edge-1", "edge-2"]) await client.create(NODES, { metadata: { name, labels: EDGE } });
  await client.create(NODES, { metadata: { name: "cloud-1" } });
  const writes: string[] = [];
  let registry = new Registry();
  let running: (() => Promise<void>) | undefined;
  let outboxNow: Outbox;

  const bench = {
    ...{ api, redis, client, hub },
    /** What the controllers asked the API server to write since the last look. */
    takeWrites: (): string[] => writes.splice(0),
    start(more: Omit<DeviceDeps, "outbox"> = {}): void {
      registry = new Registry();
      const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
      const manager = createManager({ client: counting(client, writes), registry, log: silentLog });
      const { outbox } = delivery;
      outboxNow = outbox;
      setupWorkloadController(manager, { outbox, term: () => 1 });
      setupDeviceController(manager, { ...tuning, ...more, outbox, term: () => 1 });
      manager.add({ start: (signal) => delivery.run(signal) });
      const abort = new AbortController();
      const ended = manager.start(abort.signal);
      running = async () => {
        abort.abort();
        await ended;
        await delivery.stop();
      };
    },
    async stop(): Promise<void> {
      await running?.();
      running = undefined;
    },
    async close(): Promise<void> {
      await bench.stop();
      await hub.stop();
      await client.close();
      await Promise.all([api.stop(), redis.stop()]);
    },
    /** Value of a metric of the controllers, summed over the labels given. */
    async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
      const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
      const fits = (of: Partial<Record<string, string | number>>): boolean =>
        Object.entries(labels).every(([label, value]) => of[label] === value);
      return values.filter((v) => fits(v.labels)).reduce((sum, { value }) => sum + value, 0);
    },
    /** Delivers all that is wanted of devices by now. @returns what it was, in the order of delivery */
    async deliver(node: string): Promise<string[]> {
      const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
      const { wants } = await hub.mailbox.take(node, owner, 100, new Set());
      await hub.mailbox.ack(node, owner, wants.map(ackOf));
      return wants
        .filter((w) => w.scope === "device")
        .map((w) => `${w.op} ${w.kind}/${w.namespace}/${w.name}`);
    },
    async delivered(node: string, want: readonly string[], timeoutMs?: number): Promise<string[]> {
      const seen: string[] = [];
      await eventually(async () => {
        seen.push(...(await bench.deliver(node)));
        expect([...seen].sort()).toEqual([...want].sort());
      }, timeoutMs);
      return seen;
    },
    /** What a node has of devices of these names. */
    async standing(node: string, names: readonly string[]): Promise<NodeStanding> {
      const devices = await client.list(DEVICES, { namespace: "ns" });
      const uids = new Map(devices.items.map(({ metadata }) => [metadata.name, metadata.uid]));
      const objects = names.map((name) => ({ kind: "device", ...named(name), uid: uids.get(name) ?? "" }));
      return outboxNow.standing(node, "device", objects);
    },
    /** Acks whatever is wanted of a node, soon. @returns ends that */
    serve(node: string): () => Promise<void> {
      let isOver = false;
      const loop = async (): Promise<void> => {
        while (!isOver) {
          await bench.deliver(node);
          await pause(systemClock, 10, new AbortController().signal);
        }
      };
      const ended = loop();
      return async () => {
        isOver = true;
        await ended;
      };
    },
    /** The node's session ends: nobody holds it. */
    async disconnect(node: string): Promise<void> {
      const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
      await hub.mailbox.release(node, owner);
    },
    createModel: (name: string, ...more: object[]): Promise<KubeObject> =>
      client.create(MODELS, {
        metadata: named(name),
        spec: {
          protocol: "modbus",
          properties: [{ name: "temperature", type: "INT", accessMode: "ReadWrite" }, ...more],
        },
      }),
    createDevice: (name: string, node: string, model: string): Promise<KubeObject> =>
      client.create(DEVICES, { ...deviceOf(name, { node, model }), metadata: named(name) }),
    patchDevice: (name: string, spec: object): Promise<KubeObject> =>
      client.patch(DEVICES, named(name), { type: "merge", body: { spec } }),
    patchModel: (name: string, spec: object): Promise<KubeObject> =>
      client.patch(MODELS, named(name), { type: "merge", body: { spec } }),
    statusOf: (name: string): Promise<Shown> => client.get<Shown>(STATUSES, named(name)),
    /** The conditions of a Device, as `status reason`; those of an older generation are marked. */
    async conditions(name: string): Promise<Record<string, string>> {
      const { metadata, status } = await client.get<Shown>(DEVICES, named(name));
      const entries = (status?.conditions ?? []).map((c) => {
        const isStale = c.observedGeneration !== metadata.generation;
        return [c.type, `${c.status} ${c.reason}${isStale ? " (old)" : ""}`] as const;
      });
      return Object.fromEntries(entries);
    },
    async condition(name: string, type: string): Promise<Condition | undefined> {
      const { status } = await client.get<Shown>(DEVICES, named(name));
      return status?.conditions?.find((c) => c.type === type);
    },
    /** The row of `kubectl get -o wide`, by its header; cells are cut where the header's words begin. */
    async columnsOf(resource: string, name: string): Promise<Record<string, string>> {
      const kubectl = join(await controlPlaneBin(), "kubectl");
      const args = ["--kubeconfig", api.kubeconfig, "-n", "ns", "get", resource, name, "-o", "wide"];
      const [header = "", row = ""] = (await promisify(execFile)(kubectl, args)).stdout.split("\n");
      const starts = [...header.matchAll(/(?<=^| {2})\S/g)].map(({ index }) => index);
      const cell = (line: string, i: number): string => line.slice(starts[i], starts[i + 1]).trim();
      return Object.fromEntries(starts.map((_, i) => [cell(header, i), cell(row, i)]));
    },
  };
  bench.start();
  return bench;
}
