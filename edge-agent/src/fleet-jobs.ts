// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Clock } from "./clock.ts";
import { readTokenFile, type AgentConfig } from "./config/index.ts";
import type { Cri } from "./cri/index.ts";
import { createConfigRunner } from "./jobs/config/index.ts";
import { createCheckItems, createJobs, createUsageProbe, type Jobs, type StepRunner } from "./jobs/index.ts";
import { createAskSecret, createPrePullRunner } from "./jobs/pre-pull/index.ts";
import { createUpgradeRunner, type Artefacts } from "./jobs/upgrade/index.ts";
import { createLocalApi, type LocalApi } from "./local-api/index.ts";
import type { AgentLog } from "./log.ts";
import { AGENT_VERSION } from "./node/index.ts";
import type { Store } from "./store/index.ts";
import { startHealthGate } from "./trial/index.ts";
import type { Uplink } from "./tunnel/index.ts";

/** What jobs of the fleet need of the agent. */
export interface FleetJobsDeps {
  readonly config: AgentConfig;
  /** The file that `config` was read from. */
  readonly configFile: string;
  /** Folder of the agent's slots; undefined: no launcher started it, and it does not change itself. */
  readonly agentDir: string | undefined;
  readonly store: Store;
  readonly uplink: Uplink & { isNegotiated(): boolean };
  readonly runtime: { readonly cri: () => Cri | undefined; readonly isHealthy: () => boolean };
  /** Ends the process in order, so that it is started anew. */
  readonly restart: () => void;
  readonly onReject: (reason: string) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly registry: Registry;
}

/** Jobs of the fleet at this node, as the agent holds them. */
export interface FleetJobs {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A CloudCore's order of a task. */
  readonly take: Jobs["take"];
}

/** Composes the engine, the steps of the three kinds, the API for people, and the health of an agent on trial. */
export function createFleetJobs(deps: FleetJobsDeps): FleetJobs {
  const { config, store, uplink, agentDir, clock, log } = deps;
  const jobs = createJobs({
    ...deps,
    node: config.node.name,
    store: store.desired,
    records: store.records,
    isNegotiated: () => uplink.isNegotiated(),
    runners: runnersOf(deps),
    checkItems: createCheckItems(createUsageProbe(clock), foldersOf(deps)),
    random: Math.random,
  });
  const api = config.localApi.enable ? openLocalApi(deps, jobs) : undefined;
  let stopGate = (): void => undefined;
  return {
    take: (frame) => jobs.take(frame),
    start: async () => {
      const { isHealthy: isRuntimeHealthy } = deps.runtime;
      const isConnected = (): boolean => uplink.isConnected();
      const gate = { agentDir, isStoreOpen: () => true, isConnected, isRuntimeHealthy, clock, log };
      const health = startHealthGate(gate);
      stopGate = () => health.stop();
      await jobs.start();
      api?.start();
    },
    stop: async () => {
      stopGate();
      await api?.stop();
      await jobs.stop();
    },
  };
}

/** Where jobs write. */
function foldersOf({ config, agentDir }: FleetJobsDeps): readonly string[] {
  return [config.pods.rootDirectory, ...(agentDir === undefined ? [] : [agentDir])];
}

function runnersOf(deps: FleetJobsDeps): readonly StepRunner[] {
  const { config, configFile, agentDir, store, uplink, runtime, clock, log } = deps;
  const { backupDir } = config;
  const isRuntimeHealthy = (): boolean => runtime.isHealthy();
  return [
    createUpgradeRunner({
      ...{ agentDir, backupDir, configFile, store, isRuntimeHealthy, clock, log },
      artefacts: artefactsOf(config.upgrade),
      takesConfirmation: config.localApi.enable,
    }),
    createConfigRunner({
      ...{ agentDir, backupDir, isRuntimeHealthy, clock, log },
      file: configFile,
      version: `v${AGENT_VERSION}`,
    }),
    createPrePullRunner({
      images: () => runtime.cri(),
      secret: createAskSecret(uplink, config.hub.requestTimeoutMs),
      random: Math.random,
      ...{ clock, log },
    }),
  ];
}

/** Loaded where it is needed: most agents never upgrade themselves in this process. */
function artefactsOf(upgrade: AgentConfig["upgrade"]): Artefacts {
  return {
    fetch: async (request) => {
      const { createArtefacts } = await import("./artefact/index.ts");
      return createArtefacts({ ...upgrade, userAgent: `longshore-edge-agent/${AGENT_VERSION}` }).fetch(
        request,
      );
    },
  };
}

function openLocalApi({ config, onReject, clock, log }: FleetJobsDeps, { confirmations }: Jobs): LocalApi {
  const { tokenFile, ...options } = config.localApi;
  return createLocalApi({
    ...{ options, confirmations, onReject, clock, log },
    readToken: () => readTokenFile(tokenFile),
  });
}
