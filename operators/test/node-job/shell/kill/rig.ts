// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { expect } from "@jest/globals";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery } from "../../../../src/delivery/index.ts";
import { createUplinkHandlers, type UplinkHandler } from "../../../../src/hub/uplink/index.ts";
import { ALL_NODES, type MemberNode } from "../../../../src/node-group/index.ts";
import type { JobStatus } from "../../../../src/node-job/index.ts";
import { setupJobControllers } from "../../../../src/node-job/shell/index.ts";
import { nodeUpgradeJob } from "../../../../src/node-upgrade-job/index.ts";
import {
  createClient,
  createManager,
  loadKubeConfig,
  silentLog,
  type KubeClient,
} from "../../../../src/runtime/index.ts";
import { startApiServer } from "../../../apiserver.ts";
import { installCrds } from "../../../crds.ts";
import { silent } from "../../../delivery/fixture.ts";
import { grantRole } from "../../../object-sync/cluster.ts";
import { startRedis } from "../../../redis.ts";
import { eventually } from "../../../runtime/eventually.ts";
import { CONTROLLERS, JOBS, type Shown } from "../bench.ts";
import type { Cut, Life } from "./life.ts";
import { Site } from "./site.ts";
import { World, type Played, type Running, type Scenario } from "./world.ts";

const DAY_MS = 86_400_000;

/** Where worlds are played one after another; several places at the same time. */
export interface Place {
  run(scenario: Scenario, cuts: readonly Cut[]): Promise<Played>;
  stop(): Promise<void>;
}

export type Rig = Awaited<ReturnType<typeof startRig>>;

/** A real API server and Redis. */
export async function startRig() {
  const [api, redis] = await Promise.all([startApiServer({ users: [CONTROLLERS] }), startRedis()]);
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await grantRole(client, CONTROLLERS.name);
  const kubeConfig = loadKubeConfig(await api.writeKubeconfig("controllers", CONTROLLERS));
  const own = createClient({ kubeConfig, userAgent: "controllers" });
  const tasks = { minWriteMs: 1, retryBaseMs: 10 };
  const handlers = createUplinkHandlers({ client, log: silentLog, registry: new Registry(), tasks });
  const handler = handlers.find(({ types }) => types.includes(JOBS.NodeUpgradeJob.group));
  const history = await followJobs(client);
  const parts = { client, own, redisUrl: redis.url, handler: handler as UplinkHandler, history };
  return {
    open: () => openPlace(parts),
    async stop(): Promise<void> {
      history.end();
      await Promise.all([client.close(), own.close()]);
      await Promise.all([api.stop(), redis.stop()]);
    },
  };
}

export interface History {
  /** Every status that a job had. */
  readonly statuses: ReadonlyMap<string, readonly JobStatus[]>;
  readonly deleted: ReadonlySet<string>;
  end(): void;
}

async function followJobs(client: KubeClient): Promise<History> {
  const { resourceVersion } = await client.list(JOBS.NodeUpgradeJob);
  const [abort, statuses, deleted] = [
    new AbortController(),
    new Map<string, JobStatus[]>(),
    new Set<string>(),
  ];
  const follow = async (): Promise<void> => {
    const options = { resourceVersion, timeoutSeconds: 3_600, signal: abort.signal };
    for await (const event of client.watch<Shown>(JOBS.NodeUpgradeJob, options)) {
      if (event.type === "BOOKMARK") continue;
      const { metadata, status } = event.object;
      if (event.type === "DELETED") deleted.add(metadata.name);
      else if (status !== undefined)
        statuses.set(metadata.name, [...(statuses.get(metadata.name) ?? []), status]);
    }
  };
  void follow();
  return { statuses, deleted, end: () => abort.abort() };
}

export interface Parts {
  readonly client: KubeClient;
  /** With the rights that controllers are deployed with. */
  readonly own: KubeClient;
  readonly redisUrl: string;
  readonly handler: UplinkHandler;
  readonly history: History;
}

let worlds = 0;

async function openPlace(parts: Parts): Promise<Place> {
  const prefix = `k${randomUUID()}`;
  const delivery = { redis: { url: parts.redisUrl }, prefix, log: silent };
  const hub = createHubDelivery({ ...delivery, registry: new Registry(), hub: "hub-0", scopes: ["job"] });
  let world: World | undefined;
  await hub.wakeups.start({ wake: (node) => void world?.site.look(node), evict: () => undefined });
  return {
    async run(scenario, cuts) {
      const { mailbox } = hub;
      const site = new Site({ client: parts.client, mailbox, handler: parts.handler, work: scenario.work });
      world = new World(parts, site, `w${++worlds}`);
      return world.run(scenario, cuts, (life) =>
        startManager(delivery, { ...parts, life, world: world as World }),
      );
    },
    stop: () => hub.stop(),
  };
}

async function startManager(
  at: { readonly redis: { readonly url: string }; readonly prefix: string; readonly log: typeof silent },
  { own, life, world }: Parts & { readonly life: Life; readonly world: World },
): Promise<Running> {
  const [registry, abort] = [new Registry(), new AbortController()];
  const delivery = createControllerDelivery({ ...at, registry });
  await eventually(() => expect(delivery.connected()).toBe(true));
  const manager = createManager({
    ...{ client: life.client(own), clock: world.clock, registry, log: silentLog },
    ...{ gracefulStopMs: -1, cacheSyncTimeoutMs: DAY_MS, cacheTuning: { watchTimeoutMs: DAY_MS } },
  });
  const { resource, ...selection } = ALL_NODES;
  setupJobControllers(manager, {
    ...{ presenceMs: 2_000, settleMs: 20, statusWritesPerSecond: 20 },
    ...{ outbox: life.outbox(delivery.outbox), adapters: [nodeUpgradeJob] },
    nodes: manager.cache.informer<MemberNode>(resource, selection),
  });
  manager.add({ start: (signal) => delivery.run(signal) });
  // What is cut may end it.
  const ended = manager.start(abort.signal).catch(() => undefined);
  return {
    async stop() {
      abort.abort();
      await ended;
      await delivery.stop();
    },
  };
}
