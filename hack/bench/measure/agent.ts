// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { PodObject } from "../../cluster/objects.ts";
import { pod, SLEEP } from "../../e2e/manifests.ts";
import { waitFor } from "../../wait.ts";
import type { Figure, MeasureName } from "../bars.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const SETTLE_MS = 120_000;
const CPU_MS = 60_000;
const STARTS = 20;
const PODS = 10;
const POLL_MS = 20;

/** What the agent costs while nothing happens, without pods. */
export async function measureIdleAgent({ layout, say }: Stage): Promise<Figure[]> {
  say(`idle for ${SETTLE_MS / 1000} s`);
  await sleep(SETTLE_MS);
  return [{ name: "agent.rss_mb_0_pods", value: usageOf(layout, "agent").rssMb }];
}

/** Create to Running in the API, one after the other, the image being there. */
export async function measurePodStarts(stage: Stage): Promise<Figure[]> {
  const seconds: number[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    const name = `start-${i}`;
    await stage.kubectl.create(pod({ namespace: "default", name, script: SLEEP }));
    const startedMs = performance.now();
    await untilRunning(stage, name);
    seconds.push((performance.now() - startedMs) / 1000);
    await stage.kubectl.run("delete", "pod", name, "--grace-period=1");
    if ((i + 1) % 5 === 0) stage.say(`${i + 1} pods`);
  }
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (name: MeasureName, share: number): Figure => ({
    name,
    value: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0,
  });
  return [at("pod.start_p50_s", 0.5), at("pod.start_p99_s", 0.99)];
}

/** The same as without pods, with ten that sleep. */
export async function measureBusyAgent(stage: Stage): Promise<Figure[]> {
  const { layout, kubectl, say } = stage;
  const names = Array.from({ length: PODS }, (_, i) => `sleeper-${i}`);
  for (const name of names) await kubectl.create(pod({ namespace: "default", name, script: SLEEP }));
  for (const name of names) await untilRunning(stage, name);
  say(`${PODS} pods run, idle for ${SETTLE_MS / 1000} s`);
  await sleep(SETTLE_MS);
  const before = usageOf(layout, "agent");
  await sleep(CPU_MS);
  const after = usageOf(layout, "agent");
  await kubectl.run("delete", "pod", "--grace-period=1", ...names);
  return [
    { name: "agent.rss_mb_10_pods", value: after.rssMb },
    {
      name: "agent.cpu_s_per_min_10_pods",
      value: ((after.cpuSeconds - before.cpuSeconds) * 60_000) / CPU_MS,
    },
  ];
}

const untilRunning = ({ kubectl }: Stage, name: string): Promise<true> =>
  waitFor(async () => (await kubectl.find<PodObject>("pod", name))?.status.phase === "Running" || undefined, {
    what: `pod ${name} to run`,
    timeoutMs: 60_000,
    intervalMs: POLL_MS,
  }).then(() => true);
