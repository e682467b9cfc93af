// SPDX-License-Identifier: Apache-2.0
// `make bench`: what the whole real system costs on this machine, beside the bars. T='hub|pod' runs some of it,
// BENCH_OUT=FILE writes the figures as JSON, BENCH_DIALECT=kubeedge lets the simulated edges speak plain KubeEdge.
// BENCH_NODES and BENCH_GROUPS are the sizes of the fleet whose nodes change their group; BENCH_JOB_NODES and
// BENCH_JOB_CONCURRENCY those of a fleet job.
import { writeFileSync } from "node:fs";
import { ensureControlPlane } from "../control-plane/build.ts";
import { joinToken } from "../cluster/edge.ts";
import { NODE, startEnvironment } from "../cluster/environment.ts";
import { createKubectl } from "../cluster/kubectl.ts";
import { layoutOf, type Layout } from "../cluster/layout.ts";
import { sweep } from "../cluster/sweep.ts";
import { Fault, script } from "../fault.ts";
import { ensurePrerequisites, requireRoot, TEST_REQUIREMENTS } from "../prerequisites.ts";
import { createSteps, type Say, type Steps } from "../steps.ts";
import { judge, table, type Figure } from "./bars.ts";
import { BenchCluster } from "./cluster.ts";
import { DIALECTS, type Dialect } from "./edges/dialect.ts";
import { joinNodes } from "./edges/join.ts";
import { measureBusyAgent, measureIdleAgent, measurePodStarts } from "./measure/agent.ts";
import { measureDevices } from "./measure/device.ts";
import { measureApiCalls, measureCatchUp } from "./measure/delivery.ts";
import { JOB_NODES } from "./jobs/sizes.ts";
import { measureConnections, measureThroughput } from "./measure/hub.ts";
import { measureJob } from "./measure/job.ts";
import { measureDesired, measureMapper } from "./measure/mapper.ts";
import { measureNodeGroups } from "./measure/node-group.ts";
import { measureOfflineNode } from "./measure/redis.ts";
import {
  measureIdleStreams,
  measureLogThroughput,
  measureStalledReader,
  measureStreamStarts,
} from "./measure/stream.ts";
import type { Stage } from "./stage.ts";

const SIMULATED_NODES = 1_000;
/** So long that no simulated node is ever taken for dead. */
const NODE_GRACE_SECONDS = 86_400;

interface Measurement {
  readonly title: string;
  /** Beginnings of the names that it gives, for T=. */
  readonly about: string;
  readonly measure: (stage: Stage) => Promise<Figure[]>;
  /** Simulated nodes that it needs joined; 0: it brings its own. Absent: SIMULATED_NODES */
  readonly joined?: number;
}

/** The quiet ones first: what a load leaves behind would be in them. */
const MEASUREMENTS: readonly Measurement[] = [
  { title: "Idle agent", about: "agent.rss_mb_0_pods", measure: measureIdleAgent },
  { title: "Pod starts, one after the other", about: "pod.start", measure: measurePodStarts },
  { title: "Agent with ten pods", about: "agent.rss_mb_10_pods agent.cpu", measure: measureBusyAgent },
  { title: "Desired values", about: "device.desired", measure: measureDesired },
  { title: "A mapper with ten Modbus devices", about: "mapper.rss", measure: measureMapper },
  {
    title: "Reports of a thousand devices",
    about: "device.rep device.agent device.api device.newest",
    measure: measureDevices,
  },
  { title: "Memory of idle streams", about: "stream.hub_kib", measure: measureIdleStreams },
  { title: "Starts of streams", about: "stream.exec stream.first", measure: measureStreamStarts },
  { title: "Throughput of one log", about: "stream.logs_mb", measure: measureLogThroughput },
  { title: "A reader that stands still", about: "stream.stalled", measure: measureStalledReader },
  { title: "Memory of idle connections", about: "hub.kib_per_conn", measure: measureConnections },
  { title: "Throughput of the hub", about: "hub.fanout hub.unique", measure: measureThroughput },
  { title: "Catching up over a slow link", about: "delivery.catchup", measure: measureCatchUp },
  { title: "Calls to the API server", about: "delivery.api", measure: measureApiCalls },
  { title: "A node that is away", about: "redis.bytes", measure: measureOfflineNode },
  { title: "A job over many nodes", about: "job.", measure: measureJob, joined: JOB_NODES },
  // Last: what ten thousand Nodes leave in the memory of all processes stays.
  {
    title: "Nodes that change their group",
    about: "nodegroup.relabel nodegroup.api nodegroup.heartbeat nodegroup.status",
    measure: measureNodeGroups,
    joined: 0,
  },
];

async function bench(): Promise<void> {
  requireRoot("make bench");
  const filter = new RegExp(process.env["T"] ?? "");
  const chosen = MEASUREMENTS.filter(({ about }) => filter.test(about));
  if (chosen.length === 0) throw new Fault("NOTHING_TO_DO", `nothing is called ${filter.source}`);
  const dialect = readDialect();
  const layout = layoutOf("bench");
  const steps = createSteps();
  const figures: Figure[] = [];
  try {
    const joined = Math.max(...chosen.map((one) => one.joined ?? SIMULATED_NODES));
    const stage = await prepare(layout, steps, { dialect, joined });
    for (const { title, measure } of chosen)
      figures.push(...(await steps.run(title, (say) => measure({ ...stage, say }))));
    await stage.cluster.close();
  } finally {
    if (figures.length > 0) report(figures);
    await steps.run("Remove everything", () => sweep(layout));
  }
}

function readDialect(): Dialect {
  const wanted = process.env["BENCH_DIALECT"] ?? "longshore";
  const dialect = DIALECTS.find((known) => known === wanted);
  if (dialect === undefined)
    throw new Fault("USAGE", `BENCH_DIALECT=${wanted} is none of ${DIALECTS.join(", ")}`);
  return dialect;
}

async function prepare(
  layout: Layout,
  steps: Steps,
  { dialect, joined }: { readonly dialect: Dialect; readonly joined: number },
): Promise<Omit<Stage, "say">> {
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say, TEST_REQUIREMENTS));
  const bin = await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  const hubPorts = { tunnel: layout.firstPort + 12, join: layout.firstPort + 13 };
  const { kubectl: command, cloud } = await startEnvironment(layout, steps, {
    ...{ bin, nodeGraceSeconds: NODE_GRACE_SECONDS, hubPorts },
  });
  const kubectl = createKubectl({ command, kubeconfig: layout.kubeconfig });
  const cluster = new BenchCluster(layout.kubeconfig);
  const { ca, identities } = await steps.run(`Join ${joined} simulated nodes`, async (say: Say) => {
    const names = Array.from({ length: joined }, (_, i) => `sim-${i}`);
    await cluster.prepare();
    await cluster.nodes(names);
    say("they are registered, now their certificates");
    return joinNodes({ join: `127.0.0.1:${cloud.join}`, token: await joinToken(kubectl) }, names);
  });
  return { layout, kubectl, cluster, node: NODE, hub: `127.0.0.1:${cloud.tunnel}`, ca, identities, dialect };
}

function report(figures: readonly Figure[]): void {
  const judged = judge(figures);
  process.stdout.write(`\n${table(judged)}\n\n`);
  const file = process.env["BENCH_OUT"];
  if (file !== undefined && file !== "") writeFileSync(file, `${JSON.stringify(judged, null, 2)}\n`);
}

await script(bench);
