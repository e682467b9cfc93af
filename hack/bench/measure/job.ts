// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../../fault.ts";
import { waitFor } from "../../wait.ts";
import { writesByResource } from "../api-calls.ts";
import type { Figure } from "../bars.ts";
import { inParallel } from "../cluster.ts";
import { Fleet } from "../edges/fleet.ts";
import { follow, NOTHING_YET, type JobCourse } from "../jobs/history.ts";
import { JOB_CONCURRENCY, JOB_NODES } from "../jobs/sizes.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const JOB = "bench-pull";
const LABEL = "bench/pull";
const IMAGES = ["registry.example.com/bench/app:v1", "registry.example.com/bench/side:v1"];
const PULLS = { leastMs: 200, mostMs: 1_000 };
const JOB_TIMEOUT_MS = 600_000;
const IDLE_MS = 20_000;
/** Longer than anything of a job is written late. */
const SETTLE_MS = 10_000;
/** As our agent tells it, so that orders are today's. */
const KUBELET_VERSION = "v1.34.0-kubeedge-v1.23.1+longshore.bench";

/** One ImagePrePullJob over all nodes: what it costs, and its course as a watch of every version shows it. */
export async function measureJob(stage: Stage): Promise<Figure[]> {
  const { cluster, say } = stage;
  const nodes = stage.identities.slice(0, JOB_NODES);
  await inParallel(nodes, async ({ node }) => {
    await cluster.changeNode(node, { metadata: { labels: { [LABEL]: "yes" } } });
    await cluster.nodeStatus(node, readyStatus());
  });
  const fleet = new Fleet();
  try {
    await fleet.add({ ...stage, pulls: PULLS }, nodes);
    await fleet.settled(SETTLE_MS);
    say(`${nodes.length} nodes are Ready and connected`);
    const before = await spent(stage, () => sleep(IDLE_MS));
    const busy = await spent(stage, () => runJob(stage));
    const after = await spent(stage, () => sleep(IDLE_MS));
    return figures(stage, busy, quieter(before, after));
  } finally {
    await fleet.stop();
    await cluster.removePrePullJob(JOB).catch(() => undefined); // a run that failed early made none
  }
}

const readyStatus = (): object => {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  return {
    status: {
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "simulated", ...times }],
      nodeInfo: nodeInfo(),
    },
  };
};

/** All of it is required. */
const nodeInfo = (): object => ({
  ...{ machineID: "", systemUUID: "", bootID: "", kernelVersion: "", osImage: "", kubeProxyVersion: "" },
  ...{ containerRuntimeVersion: "containerd://2.0.0", kubeletVersion: KUBELET_VERSION },
  ...{ operatingSystem: "linux", architecture: "arm64" },
});

interface Sample {
  readonly atMs: number;
  readonly controllersMs: number;
  readonly hubMs: number;
  readonly writes: ReadonlyMap<string, number>;
}

async function sample({ cluster, layout }: Stage): Promise<Sample> {
  return {
    atMs: performance.now(),
    controllersMs: usageOf(layout, "controllers").cpuSeconds * 1000,
    hubMs: usageOf(layout, "hub").cpuSeconds * 1000,
    writes: writesByResource(await cluster.metrics()),
  };
}

interface Spent<T> {
  readonly seconds: number;
  readonly controllersMs: number;
  readonly hubMs: number;
  /** Of everybody but the bench. */
  readonly writes: ReadonlyMap<string, number>;
  readonly result: T;
}

async function spent<T>(stage: Stage, work: () => Promise<T>): Promise<Spent<T>> {
  const before = await sample(stage);
  const result = await work();
  const after = await sample(stage);
  const writes = [...after.writes].map(
    ([resource, count]) => [resource, count - (before.writes.get(resource) ?? 0)] as const,
  );
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    controllersMs: after.controllersMs - before.controllersMs,
    hubMs: after.hubMs - before.hubMs,
    writes: new Map(writes.filter(([, count]) => count > 0)),
    result,
  };
}

interface Run {
  readonly course: JobCourse;
  /** From its creation to its end, as the watch shows it. */
  readonly seconds: number;
}

async function runJob({ cluster, say }: Stage): Promise<Run> {
  const ended = new AbortController();
  let course = NOTHING_YET;
  let endedMs = 0;
  const watching = cluster.watchPrePullJob(JOB, ended.signal, (job) => {
    course = follow(course, job);
    if (course.end !== "" && endedMs === 0) endedMs = performance.now();
  });
  const told = setInterval(() => say(described(course)), 5_000);
  const run = async (): Promise<Run> => {
    await sleep(500); // the watch is open before there is anything to see
    const startedMs = performance.now();
    await cluster.prePullJob(JOB, {
      ...{ images: IMAGES, concurrency: JOB_CONCURRENCY, labelSelector: { matchLabels: { [LABEL]: "yes" } } },
    });
    const what = "the job to end";
    await waitFor(() => endedMs > 0, { what, timeoutMs: JOB_TIMEOUT_MS, intervalMs: 20 });
    await sleep(SETTLE_MS);
    return { course, seconds: (endedMs - startedMs) / 1000 };
  };
  try {
    const done = run().finally(() => ended.abort());
    // A watch that fails ends the measurement.
    const [result] = await Promise.all([done, watching]);
    return result;
  } finally {
    clearInterval(told);
  }
}

const described = ({ versions, maxInProgress, phases }: JobCourse): string =>
  `${Object.entries(phases)
    .map(([phase, nodes]) => `${nodes} ${phase}`)
    .join(", ")}; ${versions} versions, at most ${maxInProgress} InProgress`;

/** What goes on a second when there is no job. */
interface Idle {
  readonly controllersMs: number;
  readonly hubMs: number;
  writes(resource: string): number;
}

/** Of two idle times the one that takes less off: in one of them something else may still have been done. */
function quieter(a: Spent<unknown>, b: Spent<unknown>): Idle {
  const least = (of: (one: Spent<unknown>) => number): number =>
    Math.min(of(a) / a.seconds, of(b) / b.seconds);
  return {
    controllersMs: least((one) => one.controllersMs),
    hubMs: least((one) => one.hubMs),
    writes: (resource) => least((one) => one.writes.get(resource) ?? 0),
  };
}

function figures({ say }: Stage, busy: Spent<Run>, idle: Idle): Figure[] {
  const { course, seconds } = busy.result;
  if (course.end !== "Completed" || course.phases["Successful"] !== JOB_NODES)
    throw new Fault("JOB_FAILED", `the job is ${course.end}: ${described(course)}`);
  const writes = [...busy.writes]
    .filter(([resource]) => resource !== "leases") // heartbeats, of leaders and nodes: no job writes one
    .map(([resource, count]) => [resource, count - idle.writes(resource) * busy.seconds] as const)
    .filter(([, count]) => count >= 1) // what happened to be less than in idle times flatters nothing
    .sort(([, one], [, other]) => other - one);
  say(described(course));
  for (const [resource, count] of writes) say(`${resource}: ${count.toFixed(0)} writes`);
  const extra = (busyMs: number, idleMs: number): number => (busyMs - idleMs * busy.seconds) / JOB_NODES;
  say(
    `with what idle times cost: controllers ${(busy.controllersMs / JOB_NODES).toFixed(2)} ms, ` +
      `hub ${(busy.hubMs / JOB_NODES).toFixed(2)} ms a node`,
  );
  const total = writes.reduce((sum, [, count]) => sum + count, 0);
  return [
    { name: "job.cpu_ms_per_node", value: extra(busy.controllersMs, idle.controllersMs) },
    { name: "job.hub_cpu_ms_per_node", value: extra(busy.hubMs, idle.hubMs) },
    { name: "job.api_writes_per_node", value: total / JOB_NODES },
    { name: "job.max_in_progress", value: course.maxInProgress },
    { name: "job.seconds", value: seconds },
  ];
}
