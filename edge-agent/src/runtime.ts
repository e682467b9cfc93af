// SPDX-License-Identifier: Apache-2.0
import type { AgentConfig } from "./config/index.ts";
import type { Clock } from "./clock.ts";
import { createCri, SocketError, type Cri } from "./cri/index.ts";
import { createPodEngine, type PodEngine, type PodEngineDeps } from "./pods/index.ts";

/** What running pods needs of the agent. */
export interface RuntimeDeps extends Omit<PodEngineDeps, "cri" | "options" | "clock"> {
  readonly config: AgentConfig["pods"];
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/** The container runtime and the engine that runs pods on it, as the rest of the agent sees them. */
export interface Runtime {
  /** @throws {SocketError} when the socket is one that the agent may not trust */
  start(): Promise<void>;
  /** Stops deciding; every container runs on. */
  stop(): void;
  /** `containerd://1.6.20`; "" while unknown */
  readonly version: () => string;
  readonly isHealthy: () => boolean;
}

const SOCKET_RETRY_MS = 1_000;

/** A runtime whose socket is not there yet (at boot it often is not) makes the node not ready, not the agent end. */
export function createRuntime(deps: RuntimeDeps): Runtime {
  let engine: PodEngine | undefined;
  let cri: Cri | undefined;
  let cancelRetry: (() => void) | undefined;
  let stopped = false;

  const start = async (): Promise<void> => {
    cri = openCri(deps);
    if (cri === undefined) {
      cancelRetry = deps.clock.schedule(SOCKET_RETRY_MS, retry);
      return;
    }
    engine = createPodEngine({ ...deps, cri, options: engineOptions(deps) });
    await engine.start();
  };
  const retry = (): void => {
    if (stopped) return;
    start().catch((err: unknown) => deps.log.error({ err }, "the pods cannot be started"));
  };
  return {
    start: async () => {
      await start();
      if (engine === undefined) deps.log.warn("no container runtime yet, waiting for it");
    },
    stop: () => {
      stopped = true;
      cancelRetry?.();
      engine?.stop();
      cri?.close();
    },
    version: () => engine?.runtimeVersion() ?? "",
    isHealthy: () => engine?.runtimeHealthy() ?? false,
  };
}

/** Undefined while the socket is not there. */
function openCri({ config }: RuntimeDeps): Cri | undefined {
  const { runtimeEndpoint: endpoint, imageEndpoint } = config;
  try {
    return createCri({ endpoint, ...(imageEndpoint === endpoint ? {} : { imageEndpoint }) });
  } catch (error) {
    if (error instanceof SocketError && error.retryable) return undefined;
    throw error;
  }
}

function engineOptions({ config, requestTimeoutMs }: RuntimeDeps): PodEngineDeps["options"] {
  return {
    rootDir: config.rootDirectory,
    podLogsDir: config.podLogsDir,
    cgroupParent: config.cgroupParent,
    cgroupDriver: config.cgroupDriver,
    clusterDNS: config.clusterDns,
    clusterDomain: config.clusterDomain,
    reportEvent: config.reportEvents,
    requestTimeoutMs,
  };
}
