// SPDX-License-Identifier: Apache-2.0
import { LAST_CONTAINED_RESOURCES, type EdgeApplication } from "@longshore/crds/apps";
import {
  createChannel,
  createExponentialLimiter,
  newController,
  onUpdate,
  requestOf,
  type Channel,
  type Informer,
  type KubeObject,
  type Manager,
  type ObjectEvent,
  type Request,
} from "../runtime/index.ts";
import type { TrimmedChild } from "./apply/child.ts";
import { addGuard } from "./guard.ts";
import { createMemories, type Memories } from "./memory.ts";
import { DEFAULTS, type EdgeApplicationTuning } from "./options.ts";
import { BY_GROUP, createPlaces } from "./place.ts";
import { createReconciler } from "./reconciler.ts";
import { EDGE_APPLICATIONS, NODE_GROUPS, NODES, refKey } from "./resources.ts";
import type { Rollout } from "./rollout/index.ts";
import type { MetricsOptions } from "./rollout/metrics.ts";
import { rolloutOf } from "./rollouts.ts";
import { createChildren } from "./watch/children.ts";
import { createDiscovery } from "./watch/discovery.ts";
import { createInterests, type Interests } from "./watch/interests.ts";
import {
  createNodeSets,
  groupOfNode,
  isSameNode,
  topicOfGroup,
  trimNode,
  type NodeFacts,
  type Topic,
} from "./watch/nodes.ts";

export { EVENTS } from "./tellings.ts";
export type { EdgeApplicationTuning } from "./options.ts";
export type { NodeFacts } from "./watch/nodes.ts";

export interface EdgeApplicationOptions extends EdgeApplicationTuning {
  /** All Nodes, where somebody else watches them already: a Node is kept only once. */
  readonly nodes?: Informer<NodeFacts>;
  /** The Prometheus that rollouts' checks ask; absent: checks give no value. */
  readonly prometheus?: MetricsOptions;
  /** In place of the real one; for tests. */
  readonly rollout?: Rollout;
}

const BY_UID = "edge-application/uid";

/** Keeps the objects of EdgeApplications in all their targets, their status, and their rollouts. */
export function setupEdgeApplicationController(manager: Manager, options: EdgeApplicationOptions = {}): void {
  const { client, cache, clock, log } = manager;
  const tuning = { ...DEFAULTS, ...definedOf(options) };
  const apps = cache.informer<EdgeApplication>(EDGE_APPLICATIONS);
  apps.addIndex(BY_UID, ({ metadata }) => [metadata.uid]);
  const nodes = options.nodes ?? cache.informer<NodeFacts>(NODES, { transform: trimNode });
  nodes.addIndex(BY_GROUP, (node) => [groupOfNode(node)].filter((name) => name !== ""));
  const nodeGroups = cache.informer<KubeObject>(NODE_GROUPS, { metadataOnly: true });
  const sets = createNodeSets(() => nodes.list());
  const interests = createInterests((topic) => sets.drop(topic));
  const memories = createMemories();
  const changed = createChannel("what applications depend on");
  const children = createChildren({
    ...{ client, cache, clock, maxKinds: tuning.maxKinds, againMs: tuning.unknownKindMs },
    onEvent: (event) => onChild({ event, apps, memories, changed, settleMs: tuning.settleMs }),
  });
  watchPlaces({ nodes, nodeGroups, interests, changed, settleMs: tuning.settleMs, sets });
  const reconciler = createReconciler({
    ...{ client, clock, apps, children, interests, memories, tuning },
    recorder: manager.recorder("longshore-edge-application"),
    places: createPlaces({ nodes, nodeGroups, sets }),
    discovery: createDiscovery({ client, clock, unknownMs: tuning.unknownKindMs }),
    rollout: options.rollout ?? rolloutOf(manager, { nodes, apps, prometheus: options.prometheus }),
  });
  newController(manager)
    .named("edgeapplication")
    .for<EdgeApplication>(EDGE_APPLICATIONS, { predicates: [onUpdate(isNews)] })
    .watchesRaw(changed)
    .withSettings({
      maxConcurrentReconciles: tuning.maxConcurrentReconciles,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(reconciler);
  addGuard(manager);
  log.debug({ maxKinds: tuning.maxKinds }, "edge applications are looked after");
}

const definedOf = (options: EdgeApplicationOptions): Partial<Required<EdgeApplicationTuning>> =>
  Object.fromEntries(
    Object.keys(DEFAULTS).flatMap((key) => {
      const value = options[key as keyof EdgeApplicationTuning];
      return value === undefined ? [] : [[key, value]];
    }),
  );

/** Our own writes of the status are none; a resync is. */
function isNews(old: EdgeApplication, now: EdgeApplication): boolean {
  if (old === now) return true;
  const annotation = LAST_CONTAINED_RESOURCES;
  return (
    old.metadata.generation !== now.metadata.generation ||
    old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    old.metadata.uid !== now.metadata.uid ||
    old.metadata.annotations?.[annotation] !== now.metadata.annotations?.[annotation]
  );
}

interface ChildEvent {
  readonly event: ObjectEvent<TrimmedChild>;
  readonly apps: Informer<EdgeApplication>;
  readonly memories: Memories;
  readonly changed: Channel;
  readonly settleMs: number;
}

function onChild({ event, apps, memories, changed, settleMs }: ChildEvent): void {
  const states = event.type === "update" ? [event.old, event.object] : [event.object];
  const requests = new Map(
    states.flatMap((child) => ownerOf(apps, child).map((request) => [JSON.stringify(request), request])),
  );
  const isQuiet =
    event.type === "update" && event.old !== event.object && event.old.digest === event.object.digest;
  for (const request of requests.values()) {
    if (event.type === "delete") noteGone(memories, request, event.object);
    changed.enqueue({ ...request, ...(isQuiet && { afterMs: settleMs }) });
  }
}

/** By its label, and by its owner where somebody took the label away. */
function ownerOf(apps: Informer<EdgeApplication>, child: TrimmedChild): readonly Request[] {
  const labelled = apps.byIndex(BY_UID, child.application).map(({ metadata }) => ({
    ...{ namespace: metadata.namespace ?? "", name: metadata.name },
  }));
  const { owner, ref } = child;
  if (owner?.kind !== EDGE_APPLICATIONS.kind) return labelled;
  const request = { namespace: ref.namespace, name: owner.name };
  return apps.get(request) === undefined ? labelled : [...labelled, request];
}

function noteGone(memories: Memories, { namespace, name }: Request, child: TrimmedChild): void {
  const memory = memories.peek(`${namespace}/${name}`);
  const key = refKey(child.ref);
  // Whatever stood in the way is gone.
  memory?.refused.delete(key);
  const applied = memory?.applied.get(key);
  if (applied?.child.metadata.uid === child.metadata.uid)
    memory?.applied.set(key, { ...applied, isGone: true });
}

interface PlaceWatch {
  readonly nodes: Informer<NodeFacts>;
  readonly nodeGroups: Informer;
  readonly sets: ReturnType<typeof createNodeSets>;
  readonly interests: Interests;
  readonly changed: Channel;
  readonly settleMs: number;
}

/** What happens to a node concerns those who have something in its group, or select it by its labels. */
function watchPlaces({ nodes, nodeGroups, sets, interests, changed, settleMs }: PlaceWatch): void {
  const enqueue = (topics: Iterable<Topic>): void => {
    for (const topic of topics) {
      for (const key of interests.in(topic)) changed.enqueue({ ...requestOf(key), afterMs: settleMs });
    }
  };
  nodes.addHandler((event) => {
    if (event.type === "update" && isSameNode(event.old, event.object)) return;
    const old = event.type === "update" ? event.old : undefined;
    const now = event.type === "delete" ? undefined : event.object;
    const states = [old, event.object].filter((state) => state !== undefined);
    enqueue(new Set(states.map((state) => topicOfGroup(groupOfNode(state)))));
    enqueue(sets.changed(old ?? event.object, now));
  });
  nodeGroups.addHandler((event) => {
    if (event.type === "update" && hasSameLabels(event.old, event.object)) return;
    enqueue([topicOfGroup(event.object.metadata.name), "groups"]);
  });
}

const hasSameLabels = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid &&
  JSON.stringify(a.metadata.labels) === JSON.stringify(b.metadata.labels);
