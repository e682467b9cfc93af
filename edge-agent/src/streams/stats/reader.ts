// SPDX-License-Identifier: Apache-2.0
import { StreamError, type ReadRequest } from "@longshore/crds/stream";
import { Counter, type Registry } from "prom-client";
import { systemClock, type Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import type { AgentLog } from "../../log.ts";
import {
  cadvisorFamilies,
  expose,
  EXPOSITION_TYPE,
  type Family,
  resourceFamilies,
  summaryOf,
} from "./answer/index.ts";
import {
  type Attempt,
  type CgroupOptions,
  createCgroups,
  createSandboxStats,
  type RuntimeCalls,
} from "./source/index.ts";
import { createFlight, within } from "./flight.ts";
import { lookAtNode } from "./look.ts";
import type { Depth } from "./pods.ts";
import { createRates } from "./rates.ts";
import type { NodeUsage } from "./usage.ts";

/** Where the node keeps what is read. */
export interface NodePaths {
  /** the kubelet's root directory; its filesystem is the node's */
  readonly rootDir: string;
  /** `/var/log/pods` */
  readonly podLogsDir: string;
  /** default `/proc` */
  readonly procDir?: string;
}

export interface NodeReaderDeps {
  readonly cri: RuntimeCalls & Pick<Cri, "version">;
  readonly nodeName: string;
  readonly paths: NodePaths;
  readonly cgroups: Omit<CgroupOptions, "dir"> & Partial<Pick<CgroupOptions, "dir">>;
  /** PodList of the node, as JSON */
  readonly podsJson: () => string;
  /** the agent's own; one counter is added to it */
  readonly registry: Registry;
  readonly log: AgentLog;
  /** cAdvisor's `image` of a pod's network; default "" */
  readonly sandboxImage?: string;
  readonly clock?: Clock;
  readonly options?: NodeReaderOptions;
}

export interface NodeReaderOptions {
  /** how long one look serves everyone who asks, default 1 s */
  readonly freshMs?: number;
  /** deadline of an answer, default 5 s; of a call of the runtime two fifths of it */
  readonly timeoutMs?: number;
}

/** An answer about the node itself. */
export interface NodeAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** What the API server, metrics-server and Prometheus may ask of the node. */
export interface NodeReader {
  /** @throws {StreamError} TIMEOUT; INTERNAL when the runtime does not say what runs, or does not answer */
  read(what: ReadRequest["what"]): Promise<NodeAnswer>;
}

/** Of the time for an answer, so that two calls after one another leave some for the rest. */
const RUNTIME_SHARE = 0.4;
const text = (body: string): NodeAnswer => ({ contentType: "text/plain; charset=utf-8", body });
const json = (body: string): NodeAnswer => ({ contentType: "application/json", body });
const metrics = (body: string): NodeAnswer => ({ contentType: EXPOSITION_TYPE, body });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Reads nothing until it is asked, and keeps one look and one sample of each CPU counter. */
export function createNodeReader(deps: NodeReaderDeps): NodeReader {
  const { clock = systemClock, registry, cri, nodeName } = deps;
  const timeoutMs = deps.options?.timeoutMs ?? 5_000;
  const attempt = createAttempt(deps, clock, timeoutMs * RUNTIME_SHARE);
  const look = createLooks(deps, clock, attempt);
  /** A node of which nothing is known has no pods to show; saying that it has none would be wrong. */
  const known = (node: NodeUsage): NodeUsage => {
    if (node.fault === undefined) return node;
    throw new StreamError("INTERNAL", `the container runtime does not say what runs: ${node.fault.message}`);
  };
  const answers: Record<ReadRequest["what"], () => Promise<NodeAnswer>> = {
    "stats/summary": async () => json(JSON.stringify(summaryOf(nodeName, known(await look("full"))))),
    "metrics/resource": async () => metrics(expose(resourceFamilies(await look("resource")))),
    "metrics/cadvisor": async () =>
      metrics(expose(cadvisorFamilies(await look("full"), deps.sandboxImage ?? ""))),
    metrics: async () =>
      metrics((await registry.metrics()) + expose(kubeletFamilies(nodeName, await look("resource")))),
    // the engine counts no probes
    "metrics/probes": () => Promise.resolve(metrics("")),
    pods: () => Promise.resolve(json(deps.podsJson())),
    healthz: async () => {
      const version = await attempt("version", () => cri.version());
      if (!(version instanceof Error)) return text("ok");
      throw new StreamError("INTERNAL", `the container runtime does not answer: ${version.message}`);
    },
  };
  return {
    read: async (what) => await within(clock, timeoutMs, `${what} of node ${nodeName}`, answers[what]()),
  };
}

/** Calls that fail are counted, told once until they work again, and handed back as what they are. */
function createAttempt({ registry, log }: NodeReaderDeps, clock: Clock, timeoutMs: number): Attempt {
  const failures = new Counter({
    name: "longshore_edge_stats_errors_total",
    help: "Questions about what runs that the container runtime did not answer, by part.",
    labelNames: ["part"],
    registers: [registry],
  });
  const failing = new Set<string>();
  return async (part, call) => {
    try {
      const answer = await within(clock, timeoutMs, "the container runtime", call());
      failing.delete(part);
      return answer;
    } catch (error) {
      failures.inc({ part });
      if (!failing.has(part)) log.warn({ err: error, part }, "the container runtime gave no statistics");
      failing.add(part);
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  };
}

/** A look at everything also answers who wants CPU and memory alone. */
function createLooks(
  deps: NodeReaderDeps,
  clock: Clock,
  attempt: Attempt,
): (depth: Depth) => Promise<NodeUsage> {
  const { cri, paths } = deps;
  const cgroups = createCgroups({ dir: "/sys/fs/cgroup", ...deps.cgroups });
  const sandboxStats = createSandboxStats(cri, attempt, () => clock.monotonicMs());
  const source = { procDir: "/proc", ...paths, cgroups, sandboxStats };
  const rates = createRates();
  const nowMs = (): number => clock.nowMs();
  const flight = (depth: Depth): ReturnType<typeof createFlight<NodeUsage>> =>
    createFlight(clock, deps.options?.freshMs ?? 1_000, () =>
      lookAtNode({ cri, source, rates, attempt, nowMs }, depth),
    );
  const flights = { full: flight("full"), resource: flight("resource") };
  return (depth) => {
    const whole = flights.full.fresh();
    return whole === undefined ? flights[depth].get() : Promise.resolve(whole);
  };
}

/** What a kubelet says of itself and boards ask for. */
function kubeletFamilies(nodeName: string, node: NodeUsage): readonly Family[] {
  const states = Object.entries(node.containerStates);
  return [
    {
      name: "kubelet_node_name",
      type: "gauge",
      help: "The node's name; the value is always 1.",
      samples: [{ labels: { node: nodeName }, value: 1 }],
    },
    {
      name: "kubelet_running_pods",
      type: "gauge",
      help: "Pods that have a sandbox that is ready.",
      samples: node.fault === undefined ? [{ labels: {}, value: node.pods.length }] : [],
    },
    {
      name: "kubelet_running_containers",
      type: "gauge",
      help: "Containers by state.",
      samples: states.map(([container_state, value]) => ({ labels: { container_state }, value })),
    },
  ];
}
