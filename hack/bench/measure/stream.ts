// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { openPart } from "../../cluster/parts.ts";
import type { PodObject } from "../../cluster/objects.ts";
import { pod, SLEEP } from "../../e2e/manifests.ts";
import { waitFor } from "../../wait.ts";
import type { Figure } from "../bars.ts";
import type { Stage } from "../stage.ts";
import { StreamApi } from "../streams/api.ts";
import { usageOf } from "../usage.ts";

const NAMESPACE = "default";
const ROUNDS = 30;
/** Below the size at which a log is moved aside, so that all of it is in the file that is read. */
const LOG_BYTES = 8 * 1024 * 1024;
const LOG_READS = 25;
const FOLLOWERS = 50;
const COMMANDS = 10;
/** A second's log of the pod that is followed: 20 lines of 4 KB. A stalled reader's window is full after three. */
const CHATTER = `line=$(head -c 4000 /dev/zero | tr '\\0' x); while :; do echo "$line"; usleep 50000; done`;
const WINDOW_MS = 10_000;
const SETTLE_MS = 5_000;
const IDLE_STREAMS = 200;
const WARM_STREAMS = 20;
const IDLE_MS = 20_000;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** From the request to how `true` ended, and from the request to the first byte of a log. */
export function measureStreamStarts(stage: Stage): Promise<Figure[]> {
  return withPod(stage, "greets", `echo hello; ${SLEEP}`, async (api, name) => {
    const timed = async (work: () => Promise<void>): Promise<number> => {
      const startedMs = performance.now();
      await work();
      return performance.now() - startedMs;
    };
    const commands: number[] = [];
    const logs: number[] = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      commands.push(await timed(() => api.exec(NAMESPACE, name, ["true"])));
      logs.push(await timed(() => firstByte(api, name)));
    }
    return [
      { name: "stream.exec_true_p50_ms", value: median(commands) },
      { name: "stream.first_log_line_p50_ms", value: median(logs) },
    ];
  });
}

/** What a second of the hub's CPU carries of one log. */
export function measureLogThroughput(stage: Stage): Promise<Figure[]> {
  const line = 1_000;
  const script = `l=$(head -c ${line - 1} /dev/zero | tr '\\0' x); yes "$l" | head -n ${Math.floor(LOG_BYTES / line)}; ${SLEEP}`;
  return withPod(stage, "wrote", script, async (api, name) => {
    await sleep(SETTLE_MS);
    await drain(await api.logs(NAMESPACE, name, ""));
    const before = usageOf(stage.layout, "hub");
    let bytes = 0;
    for (let i = 0; i < LOG_READS; i += 1) bytes += await drain(await api.logs(NAMESPACE, name, ""));
    const { cpuSeconds } = usageOf(stage.layout, "hub");
    const usedSeconds = cpuSeconds - before.cpuSeconds;
    stage.say(`${(bytes / 1e6).toFixed(0)} MB in ${usedSeconds.toFixed(2)} CPU-s of the hub`);
    return [{ name: "stream.logs_mb_per_cpu_s", value: bytes / 1e6 / usedSeconds }];
  });
}

/** How much less the others get while one of them reads nothing. */
export function measureStalledReader(stage: Stage): Promise<Figure[]> {
  return withPod(stage, "chatters", CHATTER, async (api, name) => {
    let bytes = 0;
    const count = (more: number): void => void (bytes += more);
    const readers = await Promise.all(
      Array.from({ length: FOLLOWERS }, () => api.logs(NAMESPACE, name, "follow=true&tailLines=1")),
    );
    const [stalled, ...others] = readers;
    stalled?.on("data", () => undefined);
    for (const each of others) each.on("data", (data: Buffer) => count(data.length));
    const commands = Array.from({ length: COMMANDS }, () =>
      api.exec(NAMESPACE, name, ["/bin/sh", "-c", CHATTER], count).catch(() => undefined),
    );
    const carried = async (): Promise<number> => {
      await sleep(SETTLE_MS);
      const before = bytes;
      await sleep(WINDOW_MS);
      return bytes - before;
    };
    const free = await carried();
    stalled?.pause();
    const held = await carried();
    stage.say(
      `${(free / 1e6).toFixed(1)} MB, and ${(held / 1e6).toFixed(1)} MB beside a reader that stands still`,
    );
    for (const each of readers) each.destroy();
    await stage.kubectl.run("delete", "pod", "--grace-period=0", "--force", "--wait=false", name);
    await Promise.all(commands);
    return [{ name: "stream.stalled_reader_effect_pct", value: Math.max(0, (1 - held / free) * 100) }];
  });
}

/**
 * Growth of the hub's memory by logs that are followed and silent. In a new hub, for in one that has worked the garbage
 * of before makes room for them, and after a few streams, for the first ones load what all of them use.
 */
export function measureIdleStreams(stage: Stage): Promise<Figure[]> {
  return withPod(stage, "silent", `echo once; ${SLEEP}`, async (api, name) => {
    const hub = openPart(stage.layout, "hub");
    await hub.stop();
    await hub.start();
    await waitFor(() => firstByte(api, name).then(() => true), { what: "the node", timeoutMs: 60_000 });
    for (const each of await followed(api, name, WARM_STREAMS)) each.destroy();
    await sleep(IDLE_MS);
    const before = usageOf(stage.layout, "hub");
    const streams = await followed(api, name, IDLE_STREAMS);
    await sleep(IDLE_MS);
    const after = usageOf(stage.layout, "hub");
    for (const each of streams) each.destroy();
    stage.say(`hub ${before.rssMb.toFixed(0)} MB, then ${after.rssMb.toFixed(0)} MB`);
    return [
      { name: "stream.hub_kib_per_idle_stream", value: ((after.rssMb - before.rssMb) * 1024) / IDLE_STREAMS },
    ];
  });
}

async function followed(api: StreamApi, name: string, count: number): Promise<IncomingMessage[]> {
  const streams: IncomingMessage[] = [];
  for (let i = 0; i < count; i += 1) {
    const log = await api.logs(NAMESPACE, name, "follow=true&tailLines=1");
    log.resume();
    streams.push(log);
  }
  return streams;
}

async function firstByte(api: StreamApi, name: string): Promise<void> {
  const log = await api.logs(NAMESPACE, name, "follow=true&tailLines=1");
  await new Promise<void>((resolve, reject) => {
    log.once("data", () => resolve());
    log.once("error", reject);
    log.once("end", () => reject(new Error(`the log of ${name} is empty`)));
  });
  log.destroy();
}

async function drain(log: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const piece of log) bytes += (piece as Buffer).length;
  return bytes;
}

async function withPod(
  stage: Stage,
  name: string,
  script: string,
  measure: (api: StreamApi, name: string) => Promise<Figure[]>,
): Promise<Figure[]> {
  const { kubectl, layout } = stage;
  await kubectl.create(pod({ namespace: NAMESPACE, name, script }));
  await waitFor(
    async () => (await kubectl.find<PodObject>("pod", name))?.status.phase === "Running" || undefined,
    { what: `pod ${name} to run`, timeoutMs: 60_000 },
  );
  const api = new StreamApi(layout.kubeconfig);
  try {
    return await measure(api, name);
  } finally {
    api.close();
    await kubectl.tryRun("delete", "pod", "--grace-period=1", "--ignore-not-found", name);
  }
}
