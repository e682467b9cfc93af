// SPDX-License-Identifier: Apache-2.0
import { isResourceVersion } from "@longshore/crds/wire";
import type { Ledger } from "../delivery/ledger.ts";
import { EDGE_NODES, type Trimmed } from "../placement/index.ts";
import {
  LOW_PRIORITY,
  createBucketLimiter,
  createChannel,
  createExponentialLimiter,
  newController,
  pause,
  type Channel,
  type Enqueue,
  type EventHandler,
  type Informer,
  type Manager,
  type WatchSettings,
} from "../runtime/index.ts";
import { createObjectSyncMetrics } from "./metrics.ts";
import { createObjectSyncReconciler, recordsToRestore, type RecordCaches } from "./reconciler.ts";
import { CLUSTER_OBJECT_SYNC, OBJECT_SYNC, nodeOf, trimRecord, type SyncRecord } from "./record.ts";
import { createRounds, type Rounds } from "./rounds.ts";

export interface ObjectSyncDeps {
  readonly ledger: Ledger;
  /** default 5 s: a record is written at most once in this time */
  readonly intervalMs?: number;
  /** default 200 calls a second to the API server, in bursts of as many */
  readonly writesPerSecond?: number;
  /** default 8 nodes at once, each with one call at a time */
  readonly maxConcurrentReconciles?: number;
  /** default 1 s: how often is asked who acked something new */
  readonly pollIntervalMs?: number;
  /** default 50,000 nodes that wait for their turn; the rest is asked for later */
  readonly maxWaiting?: number;
}

const DEFAULTS = {
  intervalMs: 5000,
  writesPerSecond: 200,
  maxConcurrentReconciles: 8,
  pollIntervalMs: 1000,
  maxWaiting: 50_000,
} as const;
/** Nodes a second when all are compared. */
const COMPARE_PER_SECOND = 500;

const RECORDS: WatchSettings<SyncRecord> = { transform: trimRecord };

/**
 * Records in ObjectSyncs and ClusterObjectSyncs which version of each object its node has made durable, and gives
 * that back when Redis has lost it. The caller runs the delivery whose ledger this is, on the leader.
 */
export function setupObjectSyncController(manager: Manager, deps: ObjectSyncDeps): void {
  const options = { ...DEFAULTS, ...deps };
  const { ledger } = deps;
  const { clock, log } = manager;
  const metrics = createObjectSyncMetrics(manager.registry);
  const rounds = createRounds({ intervalMs: options.intervalMs, nowMs: () => clock.nowMs() });
  const { nodes, caches } = openCaches(manager);
  const requests = createChannel("changed nodes");
  const limiter = createBucketLimiter({
    clock,
    perSecond: options.writesPerSecond,
    burst: options.writesPerSecond,
  });
  const shared = { ledger, caches, rounds, metrics, clock, limiter };

  ledger.onLost((node) => recordsToRestore({ ...shared, log }, node));
  ledger.onReplaced(() => compareAll(nodes, requests));
  const handle = recordHandler((node) => caches.node(node) !== undefined);
  newController(manager)
    .named("object-sync")
    .watches(EDGE_NODES.resource, nodeHandler(rounds), EDGE_NODES)
    .watches(OBJECT_SYNC, handle, RECORDS)
    .watches(CLUSTER_OBJECT_SYNC, handle, RECORDS)
    .watchesRaw(requests)
    .withSettings({
      maxConcurrentReconciles: options.maxConcurrentReconciles,
      limiter: createExponentialLimiter({ baseMs: 500, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(createObjectSyncReconciler({ ...shared, client: manager.client, log }));
  manager.add({
    start: async (signal) => {
      // Redis may have been replaced while nobody led.
      compareAll(nodes, requests);
      while (!signal.aborted) {
        await enqueueChanged({ ledger, rounds, requests, maxWaiting: options.maxWaiting, manager });
        await pause(clock, options.pollIntervalMs, signal);
      }
    },
  });
}

const BY_NODE = "node";

function openCaches({ cache }: Manager): { nodes: Informer<Trimmed>; caches: RecordCaches } {
  const { resource, ...selection } = EDGE_NODES;
  const nodes = cache.informer<Trimmed>(resource, selection);
  const records = [OBJECT_SYNC, CLUSTER_OBJECT_SYNC].map((kind) => {
    const informer = cache.informer<SyncRecord>(kind, RECORDS);
    informer.addIndex(BY_NODE, ({ metadata }) => [nodeOf(metadata.name)]);
    return informer;
  });
  const caches: RecordCaches = {
    node: (name) => nodes.get({ name })?.metadata,
    recordsOf: (node) => records.flatMap((informer) => informer.byIndex(BY_NODE, node)),
    areSynced: () => nodes.hasSynced() && records.every((informer) => informer.hasSynced()),
  };
  return { nodes, caches };
}

/** A Node that goes takes its records along; one that comes back meanwhile starts with none. */
function nodeHandler(rounds: Rounds): EventHandler<Trimmed> {
  return ({ type, object }) => {
    if (type !== "delete") return [];
    rounds.left(object.metadata.name);
    return [{ namespace: "", name: object.metadata.name }];
  };
}

/**
 * Records are looked at when their Node is gone, when they say nothing, and when somebody deletes them. What we
 * write ourselves comes back here, too, and is nothing to look at.
 */
function recordHandler(hasNode: (node: string) => boolean): EventHandler<SyncRecord> {
  return ({ type, object }) => {
    const name = nodeOf(object.metadata.name);
    if (name === "") return [];
    const isWrong = type === "delete" || !isResourceVersion(object.acked) || !hasNode(name);
    return isWrong ? [{ namespace: "", name, priority: LOW_PRIORITY }] : [];
  };
}

function compareAll(nodes: Informer<Trimmed>, requests: Channel): void {
  nodes.list().forEach(({ metadata }, i) => {
    const afterMs = (i / COMPARE_PER_SECOND) * 1000;
    requests.enqueue({ namespace: "", name: metadata.name, priority: LOW_PRIORITY, afterMs });
  });
}

interface Poll {
  readonly ledger: Ledger;
  readonly rounds: Rounds;
  readonly requests: Channel;
  readonly maxWaiting: number;
  readonly manager: Manager;
}

/** Enqueues who acked something new. A node that waits already is left: an add would cut its backoff short. */
async function enqueueChanged({ ledger, rounds, requests, maxWaiting, manager }: Poll): Promise<void> {
  rounds.prune();
  try {
    for await (const batch of ledger.changedNodes()) {
      for (const name of batch.filter((node) => rounds.begin(node))) requests.enqueue(due(name, rounds));
      if (rounds.waiting >= maxWaiting) return;
    }
  } catch (error) {
    manager.log.warn({ err: error }, "who acked something new could not be read, the next round will");
  }
}

const due = (name: string, rounds: Rounds): Enqueue => ({
  namespace: "",
  name,
  afterMs: rounds.waitMs(name),
});
