// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { createFaultProxy, HEALTHY } from "../../cluster/fault-proxy.ts";
import { apiCalls, minus, type ApiCalls } from "../api-calls.ts";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import { Fleet } from "../edges/fleet.ts";
import { nextRound } from "../rounds.ts";
import type { Stage } from "../stage.ts";

const OBJECTS = 100;
const ONE_WAY_MS = 100;
const RUNS = 3;

/** Link cut, objects changed, link back with a round trip of 200 ms: from the dial to the last acknowledgement. */
export async function measureCatchUp(stage: Stage): Promise<Figure[]> {
  const { cluster, say } = stage;
  const [edge] = stage.identities.slice(-2);
  if (edge === undefined) throw new Error("no node");
  const names = Array.from({ length: OBJECTS }, (_, i) => `away-${i}`);
  const [pods, maps] = [names.slice(0, OBJECTS / 2), names.slice(OBJECTS / 2)];
  await inParallel(maps, (name) => cluster.configMap(name, 256));
  await inParallel(pods, (name) => cluster.pod(edge.node, name, maps));
  const [host = "", port] = stage.hub.split(":");
  const link = await createFaultProxy({ host, port: Number(port) });
  const fleet = new Fleet();
  try {
    await fleet.add({ ...stage, hub: `127.0.0.1:${link.port}` }, [edge]);
    await fleet.settled();
    const times: number[] = [];
    for (let run = 1; run <= RUNS; run += 1) {
      link.set({ ...HEALTHY, cut: true });
      const round = nextRound();
      await inParallel(pods, (name) => cluster.changePod(name, round));
      await inParallel(maps, (name) => cluster.changeConfigMap(name, round));
      await sleep(1_000);
      link.set({ ...HEALTHY, delayMs: { up: ONE_WAY_MS, down: ONE_WAY_MS } });
      const lastMs = await fleet.reached(round, OBJECTS);
      times.push((lastMs - fleet.progress.dialedMs) / 1000);
      say(`${OBJECTS} objects in ${times.at(-1)?.toFixed(2) ?? ""} s`);
    }
    const middle = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
    return [{ name: "delivery.catchup_100_at_200ms_s", value: middle }];
  } finally {
    await fleet.stop();
    await link.close();
  }
}

const STEADY_OBJECTS = 50;
const STEADY_ROUNDS = 30;
const STEADY_INTERVAL_MS = 1_000;

/** Calls that the API server got for each change of objects that go on changing; what it gets anyway is taken off. */
export async function measureApiCalls(stage: Stage): Promise<Figure[]> {
  const { cluster, say } = stage;
  const nodes = stage.identities.slice(0, STEADY_OBJECTS);
  await inParallel(nodes, ({ node }) => cluster.pod(node, `steady-${node}`));
  const fleet = new Fleet();
  await fleet.add(stage, nodes);
  await fleet.settled(5_000);
  const idle = await during(stage, () => sleep(STEADY_ROUNDS * STEADY_INTERVAL_MS));
  const before = cluster.writes;
  const busy = await during(stage, async () => {
    for (let done = 0; done < STEADY_ROUNDS; done += 1) {
      const round = nextRound();
      const started = performance.now();
      await inParallel(nodes, ({ node }) => cluster.changePod(`steady-${node}`, round));
      await fleet.reached(round, nodes.length);
      await sleep(Math.max(0, STEADY_INTERVAL_MS - (performance.now() - started)));
    }
    await sleep(6_000); // what is written late, at most once in 5 s, belongs to it
  });
  await fleet.stop();
  const changes = cluster.writes - before;
  const extra = minus(busy, idle);
  say(`${changes} changes: ${extra.writes - changes} writes and ${extra.reads} reads`);
  return [
    { name: "delivery.api_writes_per_change", value: Math.max(0, extra.writes - changes) / changes },
    { name: "delivery.api_reads_per_change", value: Math.max(0, extra.reads) / changes },
  ];
}

async function during({ cluster }: Stage, work: () => Promise<unknown>): Promise<ApiCalls> {
  const before = apiCalls(await cluster.metrics());
  await work();
  return minus(apiCalls(await cluster.metrics()), before);
}
