// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dmiSocket } from "../../cluster/edge.ts";
import { waitFor } from "../../wait.ts";
import { deviceWrites } from "../api-calls.ts";
import type { Figure } from "../bars.ts";
import { inParallel, type ReportedStatus } from "../cluster.ts";
import { LoadMapper } from "../devices/mapper.ts";
import { PROPERTIES } from "../devices/messages.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const DEVICES = 1_000;
const PERIOD_MS = 1_000;
const WARM_MS = 30_000;
const MEASURE_MS = 60_000;
const SAMPLE_MS = 5_000;
const SINGLES = 20;
/** Longer than an agent keeps between two reports of one device. */
const SINGLE_GAP_MS = 1_500;
const PROTOCOL = "load";

/** A thousand devices of one node that report five values each second, and one that reports now and then. */
export async function measureDevices(stage: Stage): Promise<Figure[]> {
  const { cluster, say, node } = stage;
  const names = Array.from({ length: DEVICES }, (_, i) => `load-${i}`);
  await cluster.deviceModel(PROTOCOL, PROPERTIES);
  await inParallel(names, (name) =>
    cluster.device({ name, node, protocol: PROTOCOL, properties: PROPERTIES }),
  );
  const mapper = new LoadMapper();
  try {
    const socket = join(stage.layout.sockets, "load.sock");
    await mapper.register({ socket, agent: dmiSocket(stage.layout), protocol: PROTOCOL }, DEVICES);
    say(`the mapper has ${DEVICES} devices`);
    await sleep(10_000);
    const latency = await measureLatency(stage, mapper, names[0] ?? "");
    return [latency, ...(await measureLoad(stage, mapper, names))];
  } finally {
    await mapper.stop();
    await cluster.removeDevices(names);
  }
}

/** From the mapper's report to the DeviceStatus that a watch shows. */
async function measureLatency({ cluster, say }: Stage, mapper: LoadMapper, device: string): Promise<Figure> {
  const timesMs: number[] = [];
  const ended = new AbortController();
  const watching = cluster.watchDeviceStatus(device, ended.signal, (status) => {
    const reportedMs = reportedAtMs(status);
    if (reportedMs !== undefined) timesMs.push(Date.now() - reportedMs);
  });
  // The first has to be made, and shows what was there before.
  for (let i = 0; i <= SINGLES; i += 1) {
    await sleep(SINGLE_GAP_MS);
    const before = timesMs.length;
    mapper.order({ do: "report", device });
    await waitFor(() => timesMs.length > before, { what: "a report", timeoutMs: 30_000, intervalMs: 5 });
  }
  ended.abort();
  await watching;
  const sorted = timesMs.slice(1).toSorted((a, b) => a - b);
  say(`reports in ${sorted.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  return { name: "device.reported_p50_ms", value: sorted[Math.floor(sorted.length / 2)] ?? Infinity };
}

async function measureLoad(
  { cluster, layout, say }: Stage,
  mapper: LoadMapper,
  names: readonly string[],
): Promise<Figure[]> {
  const rssBeforeMb = usageOf(layout, "agent").rssMb;
  mapper.order({ do: "load", devices: names, periodMs: PERIOD_MS });
  await sleep(WARM_MS);
  const sample = async () => ({
    agent: usageOf(layout, "agent"),
    hub: usageOf(layout, "hub"),
    writes: deviceWrites(await cluster.metrics()),
    atMs: performance.now(),
    taken: mapper.progress.taken,
  });
  const before = await sample();
  let [ageS, rssMb] = [0, 0];
  while (performance.now() - before.atMs < MEASURE_MS) {
    await sleep(SAMPLE_MS);
    ageS = Math.max(ageS, await oldestSeconds(cluster.deviceStatuses(), names));
    rssMb = Math.max(rssMb, usageOf(layout, "agent").rssMb);
  }
  const after = await sample();
  const { refused } = mapper.progress;
  mapper.order({ do: "rest" });
  const seconds = (after.atMs - before.atMs) / 1000;
  const pct = (part: "agent" | "hub"): number =>
    ((after[part].cpuSeconds - before[part].cpuSeconds) / seconds) * 100;
  say(`${((after.taken - before.taken) / seconds).toFixed(0)} reports a second were taken`);
  say(`the agent has ${rssMb.toFixed(0)} MB, the hub takes ${pct("hub").toFixed(1)} % of a core`);
  return [
    { name: "device.reports_refused_1000x5", value: refused },
    { name: "device.agent_cpu_pct_1000x5", value: pct("agent") },
    { name: "device.agent_rss_growth_mb", value: rssMb - rssBeforeMb },
    { name: "device.api_writes_per_s_1000", value: (after.writes - before.writes) / seconds },
    { name: "device.newest_age_s_1000", value: ageS },
  ];
}

/** Age of the newest value of the device whose newest value is the oldest. */
async function oldestSeconds(
  list: Promise<readonly ReportedStatus[]>,
  names: readonly string[],
): Promise<number> {
  const nowMs = Date.now();
  const statuses = new Map((await list).map((status) => [status.metadata.name, status] as const));
  const ages = names.map((name) => nowMs - (reportedAtMs(statuses.get(name)) ?? -Infinity));
  return Math.max(...ages) / 1000;
}

function reportedAtMs(status: ReportedStatus | undefined): number | undefined {
  const times = (status?.status?.twins ?? []).map(({ reported }) =>
    Number(reported?.metadata?.["timestamp"]),
  );
  const known = times.filter((time) => time > 0);
  return known.length === 0 ? undefined : Math.max(...known);
}
