// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { redisUrl } from "../../cluster/redis.ts";
import { exec } from "../../exec.ts";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import { nextRound } from "../rounds.ts";
import type { Stage } from "../stage.ts";

const OBJECTS = 20;
const CHANGES = 10_000;

/** What Redis keeps for a node that is away while its objects change. */
export async function measureOfflineNode(stage: Stage): Promise<Figure[]> {
  const { cluster, say } = stage;
  const node = stage.identities.at(-1)?.node ?? "";
  const names = Array.from({ length: OBJECTS }, (_, i) => `offline-${i}`);
  await inParallel(names, (name) => cluster.pod(node, name));
  for (let changes = OBJECTS; changes <= CHANGES; changes += OBJECTS) {
    const round = nextRound();
    await inParallel(names, (name) => cluster.changePod(name, round));
    if (changes % 2_000 === 0) say(`${changes} changes`);
  }
  await sleep(2_000);
  const keys = (await redis(stage, "--scan", "--pattern", `*{${node}}*`))
    .split("\n")
    .filter((key) => key !== "");
  const bytes = await Promise.all(
    keys.map(async (key) => Number(await redis(stage, "MEMORY", "USAGE", key, "SAMPLES", "0"))),
  );
  say(`${keys.length} keys`);
  return [{ name: "redis.bytes_per_offline_node", value: bytes.reduce((sum, n) => sum + n, 0) }];
}

async function redis({ layout }: Stage, ...args: string[]): Promise<string> {
  const { password, port } = new URL(redisUrl(layout));
  // by the environment, for everybody can read a command line
  const env = { ...process.env, REDISCLI_AUTH: password };
  return (await exec("redis-cli", ["-p", port, ...args], { env, timeoutMs: 30_000 })).stdout.trim();
}
