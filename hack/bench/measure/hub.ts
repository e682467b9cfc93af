// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import { Fleet } from "../edges/fleet.ts";
import { nextRound } from "../rounds.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const CONNECTIONS = 1_000;
const LOADED_NODES = 200;
const PODS_A_NODE = 5;
const FANOUT_ROUNDS = 50;
const UNIQUE_ROUNDS = 10;
const IDLE_MS = 30_000;

/** Growth of the hub's memory by idle connections over mutual TLS. */
export async function measureConnections(stage: Stage): Promise<Figure[]> {
  const fleet = new Fleet();
  await sleep(5_000);
  const before = usageOf(stage.layout, "hub");
  await fleet.add(stage, stage.identities.slice(0, CONNECTIONS));
  stage.say(`${CONNECTIONS} edges are connected, idle for ${IDLE_MS / 1000} s`);
  await sleep(IDLE_MS);
  const after = usageOf(stage.layout, "hub");
  await fleet.stop();
  stage.say(`hub ${before.rssMb.toFixed(0)} MB, then ${after.rssMb.toFixed(0)} MB`);
  return [{ name: "hub.kib_per_conn", value: ((after.rssMb - before.rssMb) * 1024) / CONNECTIONS }];
}

/** Deliveries that were acknowledged, a second of CPU of the hub's process. */
export async function measureThroughput(stage: Stage): Promise<Figure[]> {
  const { cluster, identities, say } = stage;
  const nodes = identities.slice(0, LOADED_NODES);
  const pods = nodes.flatMap(({ node }) =>
    Array.from({ length: PODS_A_NODE }, (_, i) => ({ node, name: `${node}-${i}` })),
  );
  await cluster.configMap("shared", 1024);
  await inParallel(pods, ({ node, name }) => cluster.pod(node, name, name.endsWith("-0") ? ["shared"] : []));
  const fleet = new Fleet();
  await fleet.add(stage, nodes);
  await fleet.settled();
  const rate = async (
    rounds: number,
    pairs: number,
    change: (round: number) => Promise<void>,
  ): Promise<number> => {
    const { acked } = fleet.progress;
    const before = usageOf(stage.layout, "hub");
    for (let done = 0; done < rounds; done += 1) {
      const round = nextRound();
      await change(round);
      await fleet.reached(round, pairs);
    }
    const { cpuSeconds } = usageOf(stage.layout, "hub");
    const messages = fleet.progress.acked - acked;
    say(`${messages} deliveries in ${(cpuSeconds - before.cpuSeconds).toFixed(2)} CPU-s of the hub`);
    return messages / (cpuSeconds - before.cpuSeconds);
  };
  const fanout = await rate(FANOUT_ROUNDS, nodes.length, (now) => cluster.changeConfigMap("shared", now));
  const unique = await rate(UNIQUE_ROUNDS, pods.length, (now) =>
    inParallel(pods, ({ name }) => cluster.changePod(name, now)),
  );
  await fleet.stop();
  return [
    { name: "hub.fanout_msgs_per_cpu_s", value: fanout },
    { name: "hub.unique_msgs_per_cpu_s", value: unique },
  ];
}
