// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { expect } from "@jest/globals";
import type { EdgeApplication, EdgeApplicationSpec } from "@longshore/crds/apps";
import { Registry } from "prom-client";
import {
  setupEdgeApplicationController,
  type EdgeApplicationOptions,
} from "../../src/edge-application/index.ts";
import { EDGE_APPLICATIONS, NODE_GROUPS } from "../../src/edge-application/resources.ts";
import {
  createClient,
  createManager,
  isNotFound,
  loadKubeConfig,
  silentLog,
  type ApiError,
  type Condition,
  type KubeClient,
  type KubeObject,
  type Resource,
} from "../../src/runtime/index.ts";
import { startApiServer, type ApiServer, type ApiServerOptions } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";

const kind = (group: string, name: string, plural: string): Resource => ({
  ...{ group, version: "v1", plural, kind: name, namespaced: true },
});
export const DEPLOYMENTS = kind("apps", "Deployment", "deployments");
export const DAEMON_SETS = kind("apps", "DaemonSet", "daemonsets");
export const SERVICES = kind("", "Service", "services");
export const CONFIG_MAPS = kind("", "ConfigMap", "configmaps");
export const EVENTS = kind("events.k8s.io", "Event", "events");

export type Any = KubeObject & {
  readonly metadata: KubeObject["metadata"] & {
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly spec?: Record<string, never>;
  readonly data?: Readonly<Record<string, string>>;
};

export const deployment = (
  name: string,
  image = "nginx:1.25",
  more: object = {},
): Record<string, unknown> => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "main", image }] },
    },
    ...more,
  },
});
export const service = (name: string): Record<string, unknown> => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }] },
});
export const configMap = (
  name: string,
  data: Record<string, string> = { a: "1" },
): Record<string, unknown> => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data },
});

export const groupTargets = (...names: string[]): EdgeApplicationSpec["workloadScope"] => ({
  targetNodeGroups: names.map((name) => ({ name })),
});

export interface Write {
  readonly verb: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string;
}

const WRITES = new Set(["create", "patch", "apply", "delete", "update"]);

/** What a test does to calls before they are made: throw, to fail them. */
export type Meddle = (call: Write) => void;

function observed(client: KubeClient, calls: Write[], meddle: () => Meddle | undefined): KubeClient {
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const call = value as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        const made = writeOf(String(key), args);
        if (made !== undefined) {
          calls.push(made);
          meddle()?.(made);
        }
        return call.apply(target, args);
      };
    },
  });
}

function writeOf(verb: string, args: readonly unknown[]): Write | undefined {
  const resource = args[0] as Resource | string;
  if (typeof resource === "string" || !(WRITES.has(verb) || verb === "get")) return undefined;
  const given = args[1] as { readonly metadata?: KubeObject["metadata"] } & Partial<KubeObject["metadata"]>;
  const { name = "", namespace = "" } = given.metadata ?? given;
  const options = args.at(-1) as { readonly subresource?: string } | undefined;
  const { subresource } = options ?? {};
  return { verb, kind: resource.kind, namespace, name, ...(subresource !== undefined && { subresource }) };
}

export type Bench = Awaited<ReturnType<typeof startBench>>;

/** A real API server with the controller of applications; nobody else controls anything there. */
export async function startBench(options: ApiServerOptions = {}) {
  const api = await startApiServer(options);
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  return { api, client, room: () => startRoom(api, client), close: () => closeAll(api, client) };
}

async function closeAll(api: ApiServer, client: KubeClient): Promise<void> {
  await client.close();
  await api.stop();
}

export type Room = Awaited<ReturnType<typeof startRoom>>;

interface StartOptions extends EdgeApplicationOptions {
  readonly resyncMs?: number;
  /** Another user's client. */
  readonly client?: KubeClient;
}

/** A namespace of its own, with a controller that can be stopped and started again. */
export async function startRoom(api: ApiServer, client: KubeClient) {
  const namespace = `ns-${randomUUID().slice(0, 8)}`;
  await client.create(NAMESPACES, { metadata: { name: namespace } });
  const calls: Write[] = [];
  let meddle: Meddle | undefined;
  let running: (() => Promise<void>) | undefined;
  const named = (name: string) => ({ namespace, name });

  const room = {
    ...{ api, client, namespace, named },
    /** Fails calls of the controller. */
    meddle: (how: Meddle | undefined): void => void (meddle = how),
    start({ resyncMs, client: other, ...options }: StartOptions = {}): void {
      const manager = createManager({
        client: observed(other ?? client, calls, () => meddle),
        registry: new Registry(),
        log: silentLog,
        ...(resyncMs !== undefined && { resyncMs }),
      });
      setupEdgeApplicationController(manager, {
        ...{ statusEveryMs: 50, settleMs: 10, retryBaseMs: 100, retryCapMs: 400, unknownKindMs: 100 },
        ...options,
      });
      const abort = new AbortController();
      const ended = manager.start(abort.signal);
      running = async () => {
        abort.abort();
        await ended;
      };
    },
    async stop(): Promise<void> {
      await running?.();
      running = undefined;
    },
    /** Calls in this namespace since the last look; events are none. */
    takeCalls: (): Write[] =>
      calls.splice(0).filter((call) => call.kind !== "Event" && call.namespace === namespace),
    takeWrites: (): Write[] => room.takeCalls().filter(({ verb }) => verb !== "get"),
    /** Nothing is written for a while that is much longer than the controller's own pace. */
    async quiet(forMs = 600): Promise<void> {
      let sinceMs = Date.now();
      await eventually(() => {
        if (room.takeWrites().length > 0) sinceMs = Date.now();
        expect(Date.now() - sinceMs).toBeGreaterThan(forMs);
      }, 60_000);
    },
    createGroup: (name: string, labels: Record<string, string> = {}) =>
      client.create(NODE_GROUPS, { metadata: { name, labels }, spec: {} }),
    async createNode(name: string, labels: Record<string, string>, isReady = true): Promise<void> {
      await client.create(NODES, { metadata: { name, labels } });
      await room.setReady(name, isReady);
    },
    setReady: (name: string, isReady: boolean) =>
      client.patch(
        NODES,
        { name },
        {
          type: "merge",
          body: { status: { conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] } },
        },
        { subresource: "status" },
      ),
    createApp: (name: string, spec: EdgeApplicationSpec, annotations: Record<string, string> = {}) =>
      client.create<EdgeApplication>(EDGE_APPLICATIONS, { metadata: { ...named(name), annotations }, spec }),
    patchApp: (name: string, spec: object) =>
      client.patch(EDGE_APPLICATIONS, named(name), { type: "merge", body: { spec } }),
    app: (name: string) => client.get<EdgeApplication>(EDGE_APPLICATIONS, named(name)),
    get: (resource: Resource, name: string) => client.get<Any>(resource, named(name)),
    find: (resource: Resource, name: string) =>
      client.get<Any>(resource, named(name)).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      }),
    /** Names of our children of a kind. */
    async names(resource: Resource): Promise<string[]> {
      const { items } = await client.list(resource, {
        namespace,
        labelSelector: "longshore.io/edge-application",
      });
      return items.map(({ metadata }) => metadata.name).sort();
    },
    /** As the Deployment's controller would, when all its pods run. */
    async available(name: string): Promise<void> {
      const { metadata, spec } = await room.get(DEPLOYMENTS, name);
      const replicas = Number(spec?.["replicas"]);
      const all = {
        replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
        updatedReplicas: replicas,
      };
      const status = { observedGeneration: metadata.generation, ...all };
      await client.patch(
        DEPLOYMENTS,
        named(name),
        { type: "merge", body: { status } },
        { subresource: "status" },
      );
    },
    async condition(name: string, type: string): Promise<Condition | undefined> {
      return (await room.app(name)).status?.conditions?.find((c) => c.type === type);
    },
    /** `status reason` by type; those of an older generation are marked. */
    async conditions(name: string): Promise<Record<string, string>> {
      const { metadata, status } = await room.app(name);
      const entries = (status?.conditions ?? []).map((c) => {
        const isOld = c.observedGeneration !== metadata.generation;
        return [c.type, `${c.status} ${c.reason}${isOld ? " (old)" : ""}`] as const;
      });
      return Object.fromEntries(entries);
    },
    /** `ordinal kind name word`, in the status' order. */
    async workloads(name: string): Promise<string[]> {
      const { status } = await room.app(name);
      return (status?.workloadStatus ?? []).map(({ identifier: i, conditions = "" }) =>
        [i.ordinal, i.kind, i.name, conditions].filter((part) => part !== undefined).join(" "),
      );
    },
    async events(name: string): Promise<string[]> {
      const { items } = await client.list<KubeObject & { reason: string; regarding: { name: string } }>(
        EVENTS,
        {
          namespace,
        },
      );
      return items.filter(({ regarding }) => regarding.name === name).map(({ reason }) => reason);
    },
    async close(): Promise<void> {
      await room.stop();
    },
  };
  return room;
}

export const failing =
  (error: ApiError, fits: (call: Write) => boolean, times: number): Meddle =>
  (call) => {
    if (times <= 0 || !fits(call)) return;
    times--;
    throw error;
  };
