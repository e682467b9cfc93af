// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { createManager, silentLog, type KubeObject } from "@longshore/operators/runtime";
import { Registry } from "prom-client";
import { setupNodeGroupController } from "../../../operators/src/node-group/index.ts";
import { controllersMetricsUrl } from "../../cluster/cloud.ts";
import { waitFor } from "../../wait.ts";
import { clientWrites } from "../api-calls.ts";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import { groupObject, groupOf, GROUPS, nextMove, nodeName, nodeObject, NODES } from "../groups/fleet.ts";
import { MemoryApi } from "../groups/memory-api.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const MOVES = 300;
/** Longer than changes are gathered before a status is written, and than two writes of one status are apart. */
const SETTLE_MS = 3_000;

/** Thousands of Nodes in hundreds of groups, of which one after the other is relabelled. */
export async function measureNodeGroups(stage: Stage): Promise<Figure[]> {
  const alone = await measureReconcile(stage);
  return [alone, ...(await measureMoves(stage))];
}

/** What the controllers themselves take, with an API that costs nothing: no TLS, no JSON. */
async function measureReconcile({ say }: Stage): Promise<Figure> {
  const api = new MemoryApi();
  const made = (kind: string, object: object): KubeObject => {
    const { metadata, ...rest } = object as KubeObject;
    return api.put(kind, { ...rest, metadata: { ...metadata, uid: metadata.name, creationTimestamp: "" } });
  };
  const member = (node: number): KubeObject => api.get("Node", nodeName(node));
  for (let node = 0; node < NODES; node += 1) made("Node", nodeObject(node));
  for (let group = 0; group < GROUPS; group += 1) made("NodeGroup", groupObject(group));
  const manager = createManager({ client: api.client(), registry: new Registry(), log: silentLog });
  setupNodeGroupController(manager);
  const ended = new AbortController();
  const running = manager.start(ended.signal);
  const begun = process.cpuUsage();
  const isIn = (node: number, group?: string): boolean =>
    group === undefined ? groupOf(member(node)) !== "" : groupOf(member(node)) === group;
  const all = Array.from({ length: NODES }, (_, node) => node);
  await waitFor(() => all.every((node) => isIn(node)), {
    what: "all nodes labelled",
    timeoutMs: 120_000,
    intervalMs: 200,
  });
  await sleep(SETTLE_MS);
  say(`${NODES} nodes came into ${GROUPS} groups with ${cpuMs(begun).toFixed(0)} ms of CPU`);
  const before = process.cpuUsage();
  for (let node = 0; node < MOVES; node += 1) {
    const { body, group } = nextMove(member(node));
    api.merge("Node", nodeName(node), body as Record<string, unknown>);
    while (!isIn(node, group)) await sleep(1);
  }
  await sleep(SETTLE_MS);
  const value = cpuMs(before) / MOVES;
  ended.abort();
  await running;
  return { name: "nodegroup.relabel_cpu_ms", value };
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The controllers as they are deployed, at the real API server. */
async function measureMoves({ cluster, layout, say }: Stage): Promise<Figure[]> {
  const ended = new AbortController();
  const seen: Seen = { nodes: new Map(), waiting: new Map() };
  const watching = cluster.watchNodes("env=bench", ended.signal, (node) => {
    seen.nodes.set(node.metadata.name, node);
    seen.waiting.get(node.metadata.name)?.(groupOf(node));
  });
  await fill(cluster, seen);
  say(`${NODES} nodes are in ${GROUPS} groups`);
  await sleep(2 * SETTLE_MS);
  const sample = async () => ({
    cpuSeconds: usageOf(layout, "controllers").cpuSeconds,
    writes: clientWrites(await (await fetch(controllersMetricsUrl(layout))).text()),
  });
  const before = await sample();
  const timesMs: number[] = [];
  for (let i = 0; i < MOVES; i += 1) timesMs.push(await moveMs(cluster, seen, nodeName(i)));
  await sleep(SETTLE_MS);
  const after = await sample();
  ended.abort();
  await watching;
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return [
    { name: "nodegroup.relabel_p50_ms", value: timesMs.toSorted((a, b) => a - b)[MOVES / 2] ?? Infinity },
    { name: "nodegroup.relabel_process_cpu_ms", value: (cpuSeconds * 1000) / MOVES },
    { name: "nodegroup.api_writes_per_change", value: (after.writes - before.writes) / MOVES },
  ];
}

/** What a watch of the nodes shows. */
interface Seen {
  readonly nodes: Map<string, KubeObject>;
  /** Who wants to hear of a node's group. */
  readonly waiting: Map<string, (group: string) => void>;
}

async function fill(cluster: Stage["cluster"], { nodes }: Seen): Promise<void> {
  const groups = Array.from({ length: GROUPS }, (_, group) => groupObject(group));
  await inParallel(groups, (group) => cluster.nodeGroup(group));
  const objects = Array.from({ length: NODES }, (_, node) => nodeObject(node));
  await inParallel(objects, (node) => cluster.node(node));
  const members = (): number => [...nodes.values()].filter((node) => groupOf(node) !== "").length;
  const wait = { what: "all nodes labelled", timeoutMs: 900_000, intervalMs: 500 };
  await waitFor(() => members() === NODES, wait);
}

/** From the change of a node's label to its membership, as a watch shows it. */
async function moveMs(cluster: Stage["cluster"], { nodes, waiting }: Seen, name: string): Promise<number> {
  const node = nodes.get(name);
  if (node === undefined) throw new Error(`no ${name}`);
  const { body, group } = nextMove(node);
  const isIn = new Promise<void>((resolve) =>
    waiting.set(name, (now) => {
      if (now === group) resolve();
    }),
  );
  const startedMs = performance.now();
  await cluster.changeNode(name, body);
  await isIn;
  waiting.delete(name);
  return performance.now() - startedMs;
}
