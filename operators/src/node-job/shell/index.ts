// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND } from "@longshore/crds/tasks";
import type { Outbox } from "../../delivery/outbox.ts";
import { addPlacementController, type PlacementTuning } from "../../placement/index.ts";
import {
  createExponentialLimiter,
  newController,
  type Informer,
  type Manager,
  type ObjectEvent,
} from "../../runtime/index.ts";
import type { Nodes } from "../port.ts";
import type { JobAdapter } from "./adapter.ts";
import { createNodes, isSameNode, type JobNode } from "./fleet.ts";
import { createFreshness, freshOutbox } from "./freshness.ts";
import { createJobMetrics, type JobMetrics } from "./metrics.ts";
import { jobPlacement, nodesToPlace, type JobCaches } from "./placement.ts";
import { createPresence } from "./presence.ts";
import { createRecalls } from "./recalls.ts";
import { createJobReconciler } from "./reconciler.ts";
import { openReports, REPORT_SELECTION, type Reports } from "./reports.ts";
import type { Silence } from "./standings.ts";
import { createStatusShape } from "./status-shape.ts";
import type { StoredJob } from "./stored-job.ts";
import {
  awaitedNodes,
  jobOfReport,
  jobsOf,
  neighboursOf,
  wakeJobs,
  wakeNeighbours,
  watchJobs,
  type Watched,
} from "./watched.ts";

export type { JobAdapter, SpecView } from "./adapter.ts";
export type { JobNode } from "./fleet.ts";

export interface JobDeps extends PlacementTuning {
  readonly outbox: Outbox;
  /** Watches all Nodes: a Node is kept only once. */
  readonly nodes: Informer<JobNode>;
  readonly adapters: readonly JobAdapter[];
  /** default 1: writes a second of one job's status, fewer for jobs of more than 1,000 nodes */
  readonly statusWritesPerSecond?: number;
  /** default 100 ms: how long reports are gathered before they are looked at */
  readonly settleMs?: number;
  /** default 15 s: how often nodes that are not Ready, and that jobs wait for, are looked for */
  readonly presenceMs?: number;
  /** default 4 jobs of one kind at once */
  readonly maxConcurrentJobs?: number;
}

const DEFAULTS = {
  statusWritesPerSecond: 1,
  settleMs: 100,
  presenceMs: 15_000,
  maxConcurrentJobs: 4,
} as const;

interface Parts extends Required<Pick<JobDeps, keyof typeof DEFAULTS>> {
  readonly outbox: Outbox;
  readonly nodes: Nodes;
  readonly reports: Reports;
  readonly metrics: JobMetrics;
  readonly recall: Silence["recall"];
}

/**
 * Carries fleet jobs through their nodes: a controller for each kind writes status, and one placement keeps in the
 * nodes' mailboxes the orders that follow from it. The caller runs the delivery whose outbox this is, on the leader.
 */
export function setupJobControllers(manager: Manager, deps: JobDeps): void {
  const { outbox, nodes: nodeInformer, adapters, ...options } = deps;
  const watched: Watched[] = [];
  for (const adapter of adapters)
    watched.push(
      watchJobs(manager, adapter, () =>
        neighboursOf(adapter, watched).flatMap(({ informer }) => informer.list()),
      ),
    );
  for (const one of watched) one.informer.addHandler(wakeNeighbours(one, watched));
  const presence = createPresence({
    ...{ outbox, clock: manager.clock, log: manager.log },
    pollMs: options.presenceMs ?? DEFAULTS.presenceMs,
    awaited: () => awaitedNodes(watched, nodeInformer),
    onChange: (names) => {
      for (const name of names) wakeJobs(watched, name);
    },
  });
  const nodes = createNodes(nodeInformer, (name) => presence.isConnected(name));
  const { place, recall } = addPlacement(manager, { ...deps, watched, nodes });
  nodeInformer.addHandler((event) => {
    if (event.type === "update" && isSameNode(event.old, event.object)) return;
    const { name } = event.object.metadata;
    if (event.type !== "update") place(name);
    if (event.type !== "create" || !event.initial) wakeJobs(watched, name);
  });
  manager.add(presence);
  const counted = watched.map(({ adapter: { kind }, informer }) => ({ kind, list: () => informer.list() }));
  const metrics = createJobMetrics(manager.registry, counted);
  const parts: Parts = {
    ...DEFAULTS,
    ...options,
    outbox,
    nodes,
    reports: openReports(manager.cache),
    metrics,
    recall,
  };
  for (const one of watched) addController(manager, one, parts);
}

interface PlacementParts extends Omit<JobDeps, "nodes"> {
  readonly watched: readonly Watched[];
  readonly nodes: Nodes;
}

interface Placing extends Pick<Silence, "recall"> {
  /** Has a node placed anew. */
  readonly place: (node: string) => void;
}

function addPlacement(manager: Manager, deps: PlacementParts): Placing {
  const { watched, nodes, term, maxConcurrentReconciles, replacePerSecond } = deps;
  const recalls = createRecalls();
  const caches: JobCaches = {
    nodes: { get: (name) => nodes.get(name) },
    jobsAt: (node) => watched.flatMap(({ informer }) => informer.byIndex("node", node)),
    recalls,
  };
  const freshness = createFreshness({ ...manager, informers: watched.map(({ informer }) => informer) });
  manager.add(freshness);
  const outbox = freshOutbox(deps.outbox, freshness, { placement: jobPlacement, caches });
  const { requests } = addPlacementController(manager, {
    ...(term !== undefined && { term }),
    ...(maxConcurrentReconciles !== undefined && { maxConcurrentReconciles }),
    ...(replacePerSecond !== undefined && { replacePerSecond }),
    ...{ outbox, placement: jobPlacement, caches, forgets: false },
    // Only nodes whose order an event changes are placed, of thousands that one job has.
    watchAll: () => undefined,
  });
  const place = (name: string): void => void requests.enqueue({ namespace: "", name });
  for (const { informer } of watched)
    informer.addHandler((event) => {
      const now = event.type === "delete" ? undefined : event.object;
      for (const node of nodesToPlace(beforeOf(event), now, nodes)) place(node);
      for (const node of recalls.end(event.object, now)) place(node);
    });
  return {
    place,
    async recall(stored, node) {
      recalls.add(stored, node);
      const refs = jobPlacement.refsOf(node, caches);
      await outbox.sync(node, jobPlacement.scope, refs, term?.() ?? manager.term());
    },
  };
}

const beforeOf = (event: ObjectEvent<StoredJob>): StoredJob | undefined => {
  if (event.type === "create") return undefined;
  return event.type === "update" ? event.old : event.object;
};

function addController(manager: Manager, one: Watched, parts: Parts): void {
  const { adapter, informer, trim, requests, rivals } = one;
  const { client, clock } = manager;
  const recorder = manager.recorder("longshore-node-job");
  const { resource, ...selection } = REPORT_SELECTION;
  newController(manager)
    .named(ORDER_KIND[adapter.kind])
    .watches(adapter.resource, jobsOf(one), { transform: trim })
    .watches(resource, jobOfReport(one, parts.settleMs), selection)
    .watchesRaw(requests)
    .withSettings({
      maxConcurrentReconciles: parts.maxConcurrentJobs,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(
      createJobReconciler({
        ...parts,
        ...{ adapter, client, clock, recorder, rivals, jobs: informer },
        shape: createStatusShape(adapter.kind),
      }),
    );
}
