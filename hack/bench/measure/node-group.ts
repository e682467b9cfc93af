// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeObject } from "@longshore/operators/runtime";
import { controllersMetricsUrl } from "../../cluster/cloud.ts";
import { Fault } from "../../fault.ts";
import { waitFor } from "../../wait.ts";
import { clientWrites } from "../api-calls.ts";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import {
  groupName,
  groupObject,
  groupOf,
  GROUPS,
  heartbeat,
  nextMove,
  nodeName,
  nodeObject,
  NODES,
} from "../groups/fleet.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";
import { measureAlone } from "./node-group-alone.ts";
import { MOVES, SETTLE_MS } from "./node-group-sizes.ts";

const MOVE_TIMEOUT_MS = 60_000;
const HEARTBEATS = 3_000;

/** Thousands of Nodes in hundreds of groups, of which one after the other is relabelled. */
export async function measureNodeGroups(stage: Stage): Promise<Figure[]> {
  return [...(await measureAlone(stage.say)), ...(await measureDeployed(stage))];
}

/** What a watch of the nodes shows. */
interface Seen {
  readonly nodes: Map<string, KubeObject>;
  /** Who wants to hear of a node's group. */
  readonly waiting: Map<string, (group: string) => void>;
}

/** The controllers as they are deployed, at the real API server. */
async function measureDeployed(stage: Stage): Promise<Figure[]> {
  const { cluster } = stage;
  const ended = new AbortController();
  const seen: Seen = { nodes: new Map(), waiting: new Map() };
  const watching = cluster.watchNodes("env=bench", ended.signal, (node) => {
    seen.nodes.set(node.metadata.name, node);
    seen.waiting.get(node.metadata.name)?.(groupOf(node));
  });
  const measured = fill(stage, seen)
    .then(async () => [...(await measureMoves(stage, seen)), await measureHeartbeats(stage)])
    .finally(() => ended.abort());
  // A watch that fails ends the measurement.
  const [figures] = await Promise.all([measured, watching]);
  await empty(stage);
  return figures;
}

async function fill({ cluster, say }: Stage, { nodes }: Seen): Promise<void> {
  const groups = Array.from({ length: GROUPS }, (_, group) => groupObject(group));
  await inParallel(groups, (group) => cluster.nodeGroup(group));
  const objects = Array.from({ length: NODES }, (_, node) => nodeObject(node));
  await inParallel(objects, (node) => cluster.node(node));
  say(`${NODES} nodes and ${GROUPS} groups are made`);
  const members = (): number => [...nodes.values()].filter((node) => groupOf(node) !== "").length;
  const wait = { what: "all nodes labelled", timeoutMs: 300_000, intervalMs: 500 };
  await waitFor(() => members() === NODES, wait);
  say("all nodes are in their groups");
}

/** Until the controllers wrote nothing for a while: events are told one after the other, long after what they tell of. */
async function quiet(stage: Stage): Promise<void> {
  let last = -1;
  const isQuiet = async (): Promise<boolean> => {
    const { writes } = await sample(stage);
    const isSame = writes === last;
    last = writes;
    return isSame;
  };
  const what = "the controllers to have nothing to write";
  await waitFor(isQuiet, { what, timeoutMs: 180_000, intervalMs: SETTLE_MS });
}

/** What the controllers used up since they started. */
async function sample({ layout }: Stage): Promise<{ cpuMs: number; writes: number }> {
  const metrics = await fetch(controllersMetricsUrl(layout));
  return {
    cpuMs: usageOf(layout, "controllers").cpuSeconds * 1000,
    writes: clientWrites(await metrics.text()),
  };
}

async function measureMoves(stage: Stage, seen: Seen): Promise<Figure[]> {
  await quiet(stage);
  const before = await sample(stage);
  const timesMs: number[] = [];
  for (let i = 0; i < MOVES; i += 1) timesMs.push(await moveMs(stage.cluster, seen, nodeName(i)));
  await quiet(stage);
  const after = await sample(stage);
  const p50 = timesMs.toSorted((a, b) => a - b)[Math.floor(MOVES / 2)] ?? Infinity;
  return [
    { name: "nodegroup.relabel_p50_ms", value: p50 },
    { name: "nodegroup.relabel_process_cpu_ms", value: (after.cpuMs - before.cpuMs) / MOVES },
    { name: "nodegroup.api_writes_per_change", value: (after.writes - before.writes) / MOVES },
  ];
}

/** From the change of a node's label to its membership, as a watch shows it. */
async function moveMs(cluster: Stage["cluster"], { nodes, waiting }: Seen, name: string): Promise<number> {
  const node = nodes.get(name);
  if (node === undefined) throw new Fault("NO_NODE", `the watch does not show ${name}`);
  const { body, group } = nextMove(node);
  const isIn = new Promise<void>((resolve, reject) => {
    const late = new Fault(
      "WAIT_TIMEOUT",
      `${name} did not come into ${group} in ${MOVE_TIMEOUT_MS / 1000} s`,
    );
    const timer = setTimeout(() => reject(late), MOVE_TIMEOUT_MS);
    waiting.set(name, (now) => {
      if (now !== group) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const startedMs = performance.now();
  await Promise.all([cluster.changeNode(name, body), isIn]);
  waiting.delete(name);
  return performance.now() - startedMs;
}

/** Nodes that say that they are still there, which is nothing to a group. */
async function measureHeartbeats(stage: Stage): Promise<Figure> {
  const before = await sample(stage);
  const beats = Array.from({ length: HEARTBEATS }, (_, i) => ({ name: nodeName(i % NODES), at: i }));
  await inParallel(beats, ({ name, at }) => stage.cluster.nodeStatus(name, heartbeat(at)));
  await sleep(SETTLE_MS);
  const after = await sample(stage);
  return { name: "nodegroup.heartbeat_process_cpu_ms", value: (after.cpuMs - before.cpuMs) / HEARTBEATS };
}

async function empty({ cluster, say }: Stage): Promise<void> {
  const nodes = Array.from({ length: NODES }, (_, node) => nodeName(node));
  await inParallel(nodes, (node) => cluster.removeNode(node));
  const groups = Array.from({ length: GROUPS }, (_, group) => groupName(group));
  await inParallel(groups, (group) => cluster.removeNodeGroup(group));
  say("nodes and groups are removed");
}
