// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from "node:os";
import { Duplex, Readable } from "node:stream";
import { StreamError } from "@longshore/crds/stream";
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Cri } from "../cri/index.ts";
import type { AgentLog } from "../log.ts";
import type { KnownPods } from "../pods/index.ts";
import { createPodLookup } from "./lookup.ts";
import { createStreamMetrics, type StreamMetrics } from "./metrics.ts";
import { createOpener, type ClosableOpener, type Verbs } from "./opener.ts";
import { podList } from "./pod-list.ts";
import type { PodLookup } from "./port.ts";
import type { NodeReader, NodeReaderDeps } from "./stats/index.ts";
import { connectTcp, openUpgrade, type Connect, type UpgradeRequest } from "./upgrade/index.ts";

/** What the node's streams need of the agent. */
export interface NodeStreamsDeps {
  /** Undefined while there is no runtime. */
  readonly cri: () => Cri | undefined;
  readonly pods: KnownPods;
  readonly nodeName: string;
  readonly options: NodeStreamsOptions;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly registry: Registry;
  /** How the runtime's streaming server is reached, and nothing else. */
  readonly connect?: Connect;
}

/** Where the node keeps what streams are about. */
export interface NodeStreamsOptions {
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly cgroupParent: string;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  readonly sandboxImage: string;
  /** Streams at once, wherever they come from; default 256. */
  readonly maxLive?: number;
}

const MAX_LIVE = 256;

/** This node, for whoever wants a stream of it. What it is given must have been judged (`readStreamRequest`). */
export function createNodeStreams(deps: NodeStreamsDeps): ClosableOpener {
  const { clock, log, registry, options } = deps;
  const cri = (): Cri => deps.cri() ?? noRuntime();
  const lookup = createPodLookup({ cri, pods: deps.pods, clock });
  const upgrade = async (request: UpgradeRequest, signal: AbortSignal) => {
    const { connect = connectTcp } = deps;
    const stream = await openUpgrade({ lookup, cri, connect, isOwnAddress, clock }, request, signal);
    return { head: {}, stream };
  };
  const metrics = createStreamMetrics(registry);
  const verbs: Verbs = {
    logs: logsOf(deps, lookup, metrics),
    read: readerOf(deps, runtimeCalls(cri)),
    exec: upgrade,
    attach: upgrade,
    portForward: upgrade,
  };
  const maxLive = options.maxLive ?? MAX_LIVE;
  return createOpener({ verbs, maxLive, log, metrics });
}

const noRuntime = (): never => {
  throw new StreamError("INTERNAL", "the container runtime of this node is not there yet");
};

const isOwnAddress = (ip: string): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === ip));

// The reading parts are loaded when first asked for: a node that nobody looks at does not hold them in memory.

function logsOf(
  { clock, log, options: { podLogsDir } }: NodeStreamsDeps,
  lookup: PodLookup,
  metrics: StreamMetrics,
): Verbs["logs"] {
  const counters = {
    malformed: () => metrics.logFault("malformed"),
    gap: () => metrics.logFault("gap"),
  };
  return async (request, signal) => {
    const { openLog } = await import("./logs/index.ts");
    const readable = await openLog({ lookup, podLogsDir, clock, log, counters }, request, signal);
    return { head: { contentType: "text/plain" }, stream: Duplex.from(readable) };
  };
}

function readerOf(deps: NodeStreamsDeps, cri: ReaderCri): Verbs["read"] {
  let made: ReturnType<typeof makeReader> | undefined;
  return async ({ what }) => {
    made ??= makeReader(deps, cri).catch((error: unknown) => {
      made = undefined; // what could not be loaded now may be there when it is asked for again
      throw error;
    });
    const { contentType, body } = await (await made).read(what);
    return { head: { contentType }, stream: Duplex.from(Readable.from([Buffer.from(body)])) };
  };
}

type ReaderCri = NodeReaderDeps["cri"];

/** The runtime of the moment of each call: much of what a node tells of itself needs none. */
const runtimeCalls = (cri: () => Cri): ReaderCri => ({
  version: async () => await cri().version(),
  listPodSandbox: async () => await cri().listPodSandbox(),
  listContainers: async () => await cri().listContainers(),
  listContainerStats: async () => await cri().listContainerStats(),
  listPodSandboxStats: async () => await cri().listPodSandboxStats(),
  imageFsInfo: async () => await cri().imageFsInfo(),
});

async function makeReader(deps: NodeStreamsDeps, cri: ReaderCri): Promise<NodeReader> {
  const { createNodeReader } = await import("./stats/index.ts");
  const { rootDir, podLogsDir, cgroupParent: parent, cgroupDriver: driver, sandboxImage } = deps.options;
  const { nodeName, registry, log, clock } = deps;
  return createNodeReader({
    cri,
    nodeName,
    paths: { rootDir, podLogsDir },
    cgroups: { parent, driver },
    podsJson: () => JSON.stringify(podList(deps.pods)),
    registry,
    log,
    sandboxImage,
    clock,
  });
}
