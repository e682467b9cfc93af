// SPDX-License-Identifier: Apache-2.0
import {
  createChannel,
  createExponentialLimiter,
  newController,
  onUpdate,
  type Enqueue,
  type EventHandler,
  type Informer,
  type Manager,
  type ObjectEvent,
} from "../runtime/index.ts";
import { createGroupIndex, type GroupIndex } from "./group-index.ts";
import { createGroupReconciler } from "./group-reconciler.ts";
import { groupOf, NODE_GROUPS, type NodeGroupObject } from "./group.ts";
import { createMembership } from "./membership.ts";
import { createNodeIndex, heldBy, type NodeIndex } from "./node-index.ts";
import { ALL_NODES, isSameMember, isSameNode, type MemberNode } from "./node.ts";
import { createRefusals, type Refusals } from "./refusals.ts";

export { NODE_GROUPS, type NodeGroupObject } from "./group.ts";
export { ALL_NODES, type MemberNode } from "./node.ts";

export interface NodeGroupOptions {
  /** default 8 Nodes that are changed at once */
  readonly maxConcurrentNodes?: number;
  /** default 200 ms: how long changes of a group's nodes are gathered before its status is written */
  readonly settleMs?: number;
  /** default 1 s at least between two writes of one group's status; five times as long while nodes go and come */
  readonly statusEveryMs?: number;
  /** default 2,000 nodes that a status shows: a tenth of what an object may have in etcd */
  readonly maxNodeStatuses?: number;
  /** default 500 pods of a node that are read with one call */
  readonly podPageSize?: number;
  /** default 5 s after a node left a group: when its pods are looked at again, for those that were bound late */
  readonly lookAgainMs?: number;
}

const DEFAULTS = {
  ...{ maxConcurrentNodes: 8, settleMs: 200, statusEveryMs: 1000, maxNodeStatuses: 2000 },
  ...{ podPageSize: 500, lookAgainMs: 5000 },
} as const;
const CONFLICT_MS = 100;
const CONCURRENT_GROUPS = 4;

interface Parts extends Required<NodeGroupOptions> {
  readonly nodes: NodeIndex;
  readonly groups: GroupIndex;
  readonly refusals: Refusals;
}

/**
 * Keeps Nodes in their groups: `node-membership` writes Nodes, `node-group` the status of the groups.
 *
 * @returns the watch of all Nodes, for others who need them: a Node is kept only once
 */
export function setupNodeGroupController(
  manager: Manager,
  options: NodeGroupOptions = {},
): { readonly nodes: Informer<MemberNode> } {
  const { resource, ...selection } = ALL_NODES;
  const nodeInformer = manager.cache.informer<MemberNode>(resource, selection);
  const groupInformer = manager.cache.informer<NodeGroupObject>(NODE_GROUPS);
  const nodes = createNodeIndex({ get: (name) => nodeInformer.get(name), list: () => nodeInformer.list() });
  const groups = createGroupIndex();
  // Before any controller hears of an event, and asks the indexes.
  nodeInformer.addHandler((event) => nodes.note(event));
  groupInformer.addHandler((event) => groups.note(event));
  const refused = createChannel("groups with nodes that could not be changed");
  const refusals = createRefusals((name) => refused.enqueue({ namespace: "", name }));
  const parts: Parts = { ...DEFAULTS, ...options, nodes, groups, refusals };
  addMembership(manager, parts);
  addGroups(manager, parts, { refused, get: (name) => groupInformer.get(name) });
  return { nodes: nodeInformer };
}

function addMembership(manager: Manager, parts: Parts): void {
  const { client, clock } = manager;
  const { resource, ...selection } = ALL_NODES;
  newController(manager)
    .named("node-membership")
    .watches(resource, (event) => [{ namespace: "", name: event.object.metadata.name }], {
      ...selection,
      predicates: [onUpdate((old, now) => !isSameMember(old, now))],
    })
    .watches(NODE_GROUPS, nodesOfGroup(parts), { predicates: [onUpdate(isChanged)] })
    .withSettings({
      maxConcurrentReconciles: parts.maxConcurrentNodes,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(createMembership({ ...parts, client, clock, conflictMs: CONFLICT_MS }));
}

interface GroupParts {
  readonly refused: ReturnType<typeof createChannel>;
  readonly get: (name: { name: string }) => NodeGroupObject | undefined;
}

function addGroups(manager: Manager, parts: Parts, { refused, get }: GroupParts): void {
  const { client, clock } = manager;
  const { resource, ...selection } = ALL_NODES;
  const recorder = manager.recorder("longshore-node-group");
  newController(manager)
    .named("node-group")
    .watches(NODE_GROUPS, ({ object }) => [{ namespace: "", name: object.metadata.name }], {
      predicates: [onUpdate(isChanged)],
    })
    .watches(resource, groupsOfNode(parts), {
      ...selection,
      predicates: [onUpdate((old, now) => !isSameNode(old, now))],
    })
    .watchesRaw(refused)
    .withSettings({
      maxConcurrentReconciles: CONCURRENT_GROUPS,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(
      createGroupReconciler({ ...parts, client, clock, recorder, objects: { get }, conflictMs: CONFLICT_MS }),
    );
}

/** Our own writes of the status are none. */
const isChanged = ({ metadata: old }: NodeGroupObject, { metadata: now }: NodeGroupObject): boolean =>
  old.generation !== now.generation ||
  old.deletionTimestamp !== now.deletionTimestamp ||
  old.finalizers?.length !== now.finalizers?.length;

/** Nodes that a group wanted, wants, or has. */
const nodesOfGroup =
  ({ nodes }: Parts): EventHandler<NodeGroupObject> =>
  (event) => {
    const names = new Set<string>();
    for (const object of statesOf(event)) {
      const held = nodes.holding(object.metadata.name);
      for (const { metadata } of [...nodes.wantedBy(groupOf(object)), ...held]) names.add(metadata.name);
    }
    return [...names].map((name): Enqueue => ({ namespace: "", name }));
  };

/** Groups that have the node, want it, or name it. */
const groupsOfNode =
  ({ groups, settleMs }: Parts): EventHandler<MemberNode> =>
  (event) => {
    const names = new Set(statesOf(event).flatMap((node) => [...heldBy(node), ...groups.namesFor(node)]));
    return [...names].map((name): Enqueue => ({ namespace: "", name, afterMs: settleMs }));
  };

const statesOf = <T extends NodeGroupObject | MemberNode>(event: ObjectEvent<T>): readonly T[] =>
  event.type === "update" ? [event.old, event.object] : [event.object];
