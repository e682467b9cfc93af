// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { createManager, silentLog, type KubeObject } from "@longshore/operators/runtime";
import { Registry } from "prom-client";
import { setupNodeGroupController } from "../../../operators/src/node-group/index.ts";
import { waitFor } from "../../wait.ts";
import type { Figure } from "../bars.ts";
import {
  flipped,
  groupObject,
  groupOf,
  GROUPS,
  nextMove,
  nodeName,
  nodeObject,
  NODES,
} from "../groups/fleet.ts";
import { MemoryApi } from "../groups/memory-api.ts";
import { MOVES, SETTLE_MS } from "./node-group-sizes.ts";
import type { Stage } from "../stage.ts";

/** So long every node goes and comes, again and again. */
const FLAPPING_MS = 10_000;

/** What the controllers themselves take, with an API that costs nothing: no TLS, no JSON. */
export async function measureAlone(say: Stage["say"]): Promise<Figure[]> {
  const api = filled();
  const manager = createManager({ client: api.client(), registry: new Registry(), log: silentLog });
  setupNodeGroupController(manager);
  const ended = new AbortController();
  const running = manager.start(ended.signal);
  const begun = process.cpuUsage();
  const all = Array.from({ length: NODES }, (_, node) => node);
  await waitFor(() => all.every((node) => groupOf(member(api, node)) !== ""), {
    ...{ what: "all nodes labelled", timeoutMs: 120_000, intervalMs: 200 },
  });
  await sleep(SETTLE_MS);
  say(`${NODES} nodes came into ${GROUPS} groups with ${cpuMs(begun).toFixed(0)} ms of CPU`);
  // Once before, so that nothing is compiled meanwhile.
  await moveAll(api);
  const before = process.cpuUsage();
  await moveAll(api);
  const value = cpuMs(before) / MOVES;
  const statusWrites = await flap(api);
  ended.abort();
  await running;
  return [
    { name: "nodegroup.relabel_cpu_ms", value },
    { name: "nodegroup.status_writes_per_group_s", value: statusWrites },
  ];
}

function filled(): MemoryApi {
  const api = new MemoryApi();
  const made = (kind: string, object: object): KubeObject => {
    const { metadata, ...rest } = object as KubeObject;
    return api.put(kind, { ...rest, metadata: { ...metadata, uid: metadata.name, creationTimestamp: "" } });
  };
  for (let node = 0; node < NODES; node += 1) made("Node", nodeObject(node));
  for (let group = 0; group < GROUPS; group += 1) made("NodeGroup", groupObject(group));
  return api;
}

const member = (api: MemoryApi, node: number): KubeObject => api.get("Node", nodeName(node));

async function moveAll(api: MemoryApi): Promise<void> {
  for (let node = 0; node < MOVES; node += 1) await move(api, node);
  await sleep(SETTLE_MS);
}

async function move(api: MemoryApi, node: number): Promise<void> {
  const { body, group } = nextMove(member(api, node));
  api.merge("Node", nodeName(node), body as Record<string, unknown>);
  await waitFor(() => groupOf(member(api, node)) === group, {
    ...{ what: `${nodeName(node)} to come into ${group}`, timeoutMs: 30_000, intervalMs: 1 },
  });
}

/** @returns how often a group's status is written in a second while nodes of every group go and come all the time */
async function flap(api: MemoryApi): Promise<number> {
  const before = api.applied;
  const startedMs = performance.now();
  for (let node = 0; performance.now() - startedMs < FLAPPING_MS; node = (node + 1) % NODES) {
    api.put("Node", flipped(member(api, node)));
    if (node % 10 === 0) await sleep(10);
  }
  return (api.applied - before) / GROUPS / ((performance.now() - startedMs) / 1000);
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
