// SPDX-License-Identifier: Apache-2.0
import { Registry } from "prom-client";
import { configUpdateJob } from "../config-update-job/index.ts";
import type { Config } from "../config/index.ts";
import { createControllerDelivery } from "../delivery/index.ts";
import { setupObjectSyncController } from "../object-sync/index.ts";
import {
  createManager,
  createStanding,
  systemClock,
  type KubeClient,
  type LeaderElectionOptions,
  type Log,
  type Manager,
  type Runnable,
} from "../runtime/index.ts";
import { setupDeviceController } from "../device/index.ts";
import { setupEdgeApplicationController } from "../edge-application/index.ts";
import { imagePrePullJob } from "../image-prepull-job/index.ts";
import { ALL_NODES, setupNodeGroupController, type MemberNode } from "../node-group/index.ts";
import { setupJobControllers } from "../node-job/shell/index.ts";
import { nodeUpgradeJob } from "../node-upgrade-job/index.ts";
import { setupWorkloadController } from "../workload/index.ts";
import { redisTarget } from "./redis-target.ts";

export interface ControllersDeps {
  readonly config: Config;
  readonly client: KubeClient;
  /** For what outlives a change of leader. */
  readonly registry: Registry;
  readonly log: Log;
}

export interface ControllersPart extends Runnable {
  /** Metrics of the controllers as they stand now; they begin anew with each change of leader. */
  metrics(): Registry;
  /** @throws Error until the caches were full for the first time */
  checkReady(): void;
}

/** All controllers with a manager of their own, composed anew each time that they lose the Lease. */
export function createControllersPart(deps: ControllersDeps): ControllersPart {
  const { config, client, log } = deps;
  let metrics = new Registry();
  let manager: Manager | undefined;
  // Once is enough: a standby whose API server is away is as ready as one can be.
  let wasFilled = false;

  const compose = (election: LeaderElectionOptions | undefined): ((signal: AbortSignal) => Promise<void>) => {
    metrics = new Registry();
    const composed = createManager({
      client,
      registry: metrics,
      log,
      resyncMs: config.controllers.resyncHours * 3_600_000,
      ...(election && { leaderElection: election }),
    });
    manager = composed;
    const stop = setupControllers(deps, composed);
    void composed.cache.synced().then(() => (wasFilled = true));
    return async (signal) => {
      try {
        await composed.start(signal);
      } finally {
        await stop();
      }
    };
  };
  const standing = createStanding({
    client,
    clock: systemClock,
    log,
    election: electionOf(config),
    compose,
  });
  return {
    ...standing,
    metrics: () => metrics,
    checkReady() {
      if (wasFilled) return;
      throw new Error(`not synced: ${manager?.cache.unsynced().join(", ") ?? "not begun"}`);
    },
  };
}

function electionOf({ namespace, controllers }: Config): LeaderElectionOptions | undefined {
  const { leaderElect, leaseName: name, identity } = controllers;
  if (!leaderElect) return undefined;
  return { namespace, name, ...(identity !== "" && { identity }) };
}

/** Adds all controllers to the manager. @returns ends what they share, to be called after the manager */
function setupControllers({ config, registry, log }: ControllersDeps, manager: Manager): () => Promise<void> {
  const delivery = createControllerDelivery({
    redis: redisTarget(config.redis.url),
    prefix: config.redis.keyPrefix,
    log: log.child({ part: "delivery" }),
    registry,
  });
  setupWorkloadController(manager, { outbox: delivery.outbox });
  const { moveHoldSeconds, confirmPollSeconds } = config.controllers.devices;
  setupDeviceController(manager, {
    outbox: delivery.outbox,
    moveHoldMs: moveHoldSeconds * 1000,
    pollMs: confirmPollSeconds * 1000,
  });
  const { nodes } = setupNodeGroupController(manager);
  const { statusWritesPerSecond, presencePollSeconds } = config.controllers.jobs;
  setupJobControllers(manager, {
    ...{ outbox: delivery.outbox, nodes, statusWritesPerSecond, presenceMs: presencePollSeconds * 1000 },
    adapters: [nodeUpgradeJob, imagePrePullJob, configUpdateJob],
  });
  setupEdgeApplications(config, manager);
  const { enabled, intervalSeconds, writesPerSecond } = config.controllers.objectSync;
  if (enabled) {
    const intervalMs = intervalSeconds * 1000;
    setupObjectSyncController(manager, { ledger: delivery.ledger, intervalMs, writesPerSecond });
  }
  manager.add({ start: (signal) => delivery.run(signal) });
  return () => delivery.stop();
}

function setupEdgeApplications({ controllers }: Config, manager: Manager): void {
  const {
    prometheusUrl: url,
    prometheusCaFile,
    prometheusTokenFile,
    queryTimeoutSeconds,
  } = controllers.rollouts;
  const { resource, ...selection } = ALL_NODES;
  setupEdgeApplicationController(manager, {
    nodes: manager.cache.informer<MemberNode>(resource, selection),
    prometheus: {
      ...{ url, caFile: prometheusCaFile, tokenFile: prometheusTokenFile },
      timeoutMs: queryTimeoutSeconds * 1000,
    },
  });
}
