// SPDX-License-Identifier: Apache-2.0
import { expect } from "@jest/globals";
import { BELONGING_TO, type NodeGroupSpec } from "@longshore/crds/apps";
import { Registry } from "prom-client";
import { NODE_GROUPS, setupNodeGroupController, type NodeGroupObject } from "../../src/node-group/index.ts";
import type { NodeGroupOptions } from "../../src/node-group/index.ts";
import type { RawNode } from "../../src/node-group/node.ts";
import {
  createClient,
  createManager,
  loadKubeConfig,
  silentLog,
  type KubeClient,
  type KubeObject,
  type Resource,
} from "../../src/runtime/index.ts";
import { startApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { grantRole } from "../object-sync/cluster.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";

export const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const EVENTS: Resource = {
  ...{ group: "events.k8s.io", version: "v1", plural: "events", kind: "Event", namespaced: true },
};

interface Event extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
}

/** Called before each write, and waited for; what it throws is thrown instead of the write. */
export type Interceptor = (verb: string, kind: string) => unknown;

export type GroupBench = Awaited<ReturnType<typeof startGroupBench>>;

const TOKEN = "of-the-controllers";

/** A real API server, with the controllers of groups, which have the rights of their role, and start and end as told. */
export async function startGroupBench(options: NodeGroupOptions = {}) {
  const api = await startApiServer({ users: [{ token: TOKEN, name: "controllers", groups: [] }] });
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  const kubeConfig = loadKubeConfig(await api.writeKubeconfig("controllers", { token: TOKEN }));
  const own = createClient({ kubeConfig, userAgent: "controllers" });
  await grantRole(client, "controllers");
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "ns" } });
  let intercept: Interceptor = () => undefined;
  let running: (() => Promise<void>) | undefined;

  const bench = {
    ...{ api, client },
    intercept(next: Interceptor = () => undefined): void {
      intercept = next;
    },
    start(): void {
      const watched = watching(own, (verb, kind) => intercept(verb, kind));
      const manager = createManager({ client: watched, registry: new Registry(), log: silentLog });
      setupNodeGroupController(manager, { settleMs: 20, statusEveryMs: 100, lookAgainMs: 50, ...options });
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
    async close(): Promise<void> {
      await bench.stop();
      await Promise.all([client.close(), own.close()]);
      await api.stop();
    },
    node: (name: string, labels: Record<string, string> = {}): Promise<KubeObject> =>
      client.create(NODES, { metadata: { name, labels } }),
    label: (name: string, labels: Record<string, string | null>): Promise<KubeObject> =>
      client.patch(NODES, { name }, { type: "merge", body: { metadata: { labels } } }),
    getNode: (name: string): Promise<RawNode> => client.get<RawNode>(NODES, { name }),
    async ready(name: string, status: string): Promise<void> {
      const now = new Date().toISOString();
      const condition = {
        type: "Ready",
        status,
        reason: "Test",
        message: "",
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      };
      await client.patch(
        NODES,
        { name },
        { type: "strategic", body: { status: { conditions: [condition] } } },
        { subresource: "status" },
      );
    },
    group: (name: string, spec: NodeGroupSpec): Promise<NodeGroupObject> =>
      client.create<NodeGroupObject>(NODE_GROUPS, { metadata: { name }, spec }),
    spec: (name: string, spec: object): Promise<NodeGroupObject> =>
      client.patch<NodeGroupObject>(NODE_GROUPS, { name }, { type: "merge", body: { spec } }),
    getGroup: (name: string): Promise<NodeGroupObject> => client.get<NodeGroupObject>(NODE_GROUPS, { name }),
    async pod(name: string, node: string, nodeSelector: Record<string, string> = {}): Promise<void> {
      await client.create(PODS, {
        metadata: { name, namespace: "ns" },
        spec: {
          nodeName: node,
          nodeSelector,
          terminationGracePeriodSeconds: 0,
          containers: [{ name: "c", image: "i" }],
        },
      });
    },
    async pods(): Promise<string[]> {
      const { items } = await client.list(PODS, { namespace: "ns" });
      return items
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.name)
        .sort();
    },
    async events(group: string): Promise<string[]> {
      const { items } = await client.list<Event>(EVENTS, { namespace: "default" });
      return items
        .filter(({ regarding }) => regarding.name === group)
        .map(({ reason, note }) => `${reason}: ${note}`)
        .sort();
    },
    /** Waits until the nodes have these groups; "" for none. */
    async members(want: Readonly<Record<string, string>>): Promise<void> {
      await eventually(async () => {
        const nodes = await Promise.all(Object.keys(want).map(bench.getNode));
        const have = nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[BELONGING_TO] ?? ""]);
        expect(Object.fromEntries(have)).toEqual(want);
      });
    },
    /** Waits until the group's nodeStatuses are these. */
    async statuses(group: string, want: readonly object[]): Promise<void> {
      await eventually(async () => expect((await bench.getGroup(group)).status?.nodeStatuses).toEqual(want));
    },
    /** Waits until the group's conditions have these reasons. */
    async reasons(group: string, want: Readonly<Record<string, string>>): Promise<void> {
      await eventually(async () => {
        const { conditions = [] } = (await bench.getGroup(group)).status ?? {};
        const reasons = Object.fromEntries(conditions.map(({ type, reason }) => [type, reason]));
        expect(reasons).toEqual(expect.objectContaining(want));
      });
    },
  };
  return bench;
}

export const succeeded = (nodeName: string, readyStatus: string) => ({
  ...{ nodeName, readyStatus, selectionStatus: "Succeeded" },
});
export const failed = (nodeName: string, readyStatus: string, selectionStatusReason: string) => ({
  ...{ nodeName, readyStatus, selectionStatus: "Failed", selectionStatusReason },
});

function watching(client: KubeClient, before: Interceptor): KubeClient {
  const verbs = new Set(["create", "patch", "apply", "delete"]);
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function" || !verbs.has(String(key))) return value;
      const call = value as (...args: unknown[]) => unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        await before(String(key), (args[0] as Resource).kind);
        return await call.apply(target, args);
      };
    },
  });
}
