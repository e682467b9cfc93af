// SPDX-License-Identifier: Apache-2.0
import type { AgentConfig } from "./config/index.ts";
import type { Clock } from "./clock.ts";
import { createCri, SocketError, type Cri } from "./cri/index.ts";
import { allocatable, readMachineFacts, readMachineState } from "./node/index.ts";
import {
  createKnownPods,
  createPodEngine,
  type KnownPods,
  type PodEngine,
  type PodEngineDeps,
} from "./pods/index.ts";

/** What running pods needs of the agent. */
export interface RuntimeDeps extends Omit<PodEngineDeps, "cri" | "options" | "clock" | "node"> {
  readonly config: AgentConfig["pods"];
  readonly node: { readonly name: string; readonly ip: string };
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/** The container runtime and the engine that runs pods on it, as the rest of the agent sees them. */
export interface Runtime {
  /**
   * Resolves when pods run, or when the socket is not there yet and is being waited for.
   *
   * @throws {SocketError} when what is there at the start is one that the agent may not trust
   */
  start(): Promise<void>;
  /** Stops deciding; every container runs on. */
  stop(): void;
  /** `containerd://1.6.20`; "" while unknown */
  readonly version: () => string;
  readonly isHealthy: () => boolean;
  /** Undefined while there is none. */
  readonly cri: () => Cri | undefined;
  /** What runs here, and how it is. */
  readonly pods: KnownPods;
}

const RETRY_BASE_MS = 1_000;
const RETRY_CAP_MS = 15_000;

/**
 * A runtime whose socket is not there yet (at boot it often is not) makes the node not ready, not the agent
 * end: it is looked at again with a growing pause. So is one that turns up meanwhile and may not be trusted.
 *
 * @param open how the socket is opened
 */
export function createRuntime(deps: RuntimeDeps, open: (deps: RuntimeDeps) => Cri = openCri): Runtime {
  const { clock, log } = deps;
  let engine: PodEngine | undefined;
  let cri: Cri | undefined;
  let cancelRetry: (() => void) | undefined;
  let stopped = false;
  let tries = 0;
  let fault: SocketError["code"] | undefined;

  const start = async (): Promise<void> => {
    cri = tryOpen();
    if (cri === undefined) {
      const delayMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(tries++, 10));
      cancelRetry = clock.schedule(delayMs, retry);
      return;
    }
    if (fault !== undefined) log.info("the container runtime's socket is there");
    engine = createPodEngine({ ...deps, cri, node: nodeOf(deps), options: engineOptions(deps) });
    await engine.start();
  };
  const tryOpen = (): Cri | undefined => {
    try {
      return open(deps);
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      // At the start the operator is there to hear it; later the pods that run need the agent.
      if (!error.retryable && tries === 0) throw error;
      if (error.code !== fault) log.warn({ err: error }, "no container runtime to use, waiting for it");
      fault = error.code;
      return undefined;
    }
  };
  const retry = (): void => {
    if (stopped) return;
    start().catch((err: unknown) => log.error({ err }, "the pods cannot be started"));
  };
  return {
    start,
    stop: () => {
      stopped = true;
      cancelRetry?.();
      engine?.stop();
      cri?.close();
    },
    version: () => engine?.runtimeVersion() ?? "",
    isHealthy: () => engine?.runtimeHealthy() ?? false,
    cri: () => cri,
    pods: createKnownPods(deps.store, (uid) => engine?.statusOf(uid)),
  };
}

/** @throws {SocketError} */
function openCri({ config }: RuntimeDeps): Cri {
  const { runtimeEndpoint: endpoint, imageEndpoint } = config;
  return createCri({ endpoint, ...(imageEndpoint === endpoint ? {} : { imageEndpoint }) });
}

function nodeOf({ node, config }: RuntimeDeps): PodEngineDeps["node"] {
  const { cpus, memoryBytes } = readMachineFacts();
  return {
    ...node,
    allocatable: () => {
      const { disk } = readMachineState(config.rootDirectory, { ip: node.ip, interfaceName: "" });
      const left = allocatable(memoryBytes, disk.bytes);
      return {
        cpuMilli: cpus * 1000,
        memoryBytes: left.memoryBytes,
        ephemeralStorageBytes: left.diskBytes,
      };
    },
  };
}

function engineOptions({ config, requestTimeoutMs }: RuntimeDeps): PodEngineDeps["options"] {
  return {
    rootDir: config.rootDirectory,
    podLogsDir: config.podLogsDir,
    cgroupParent: config.cgroupParent,
    cgroupDriver: config.cgroupDriver,
    clusterDNS: config.clusterDns,
    clusterDomain: config.clusterDomain,
    resolvConf: config.resolvConf,
    sandboxImage: config.sandboxImage,
    reportEvent: config.reportEvents,
    requestTimeoutMs,
  };
}
