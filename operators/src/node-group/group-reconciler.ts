// SPDX-License-Identifier: Apache-2.0
import type { NodeGroupStatus } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import {
  applyStatusIfChanged,
  DONE,
  ensureFinalizer,
  isConflict,
  isNotFound,
  removeFinalizer,
  withCondition,
  type Client,
  type Clock,
  type Condition,
  type EventRecorder,
  type ReconcileContext,
  type Reconciler,
  type Result,
} from "../runtime/index.ts";
import { conditionsOf } from "./conditions.ts";
import { NODE_GROUPS, type Group, type NodeGroupObject } from "./group.ts";
import type { GroupIndex } from "./group-index.ts";
import { newsOf, seenIn, seenOf, type Seen } from "./news.ts";
import type { NodeIndex } from "./node-index.ts";
import { mostUrgent, nodeStatusesOf, standingsOf, type Standing, type StandingDeps } from "./status.ts";

export interface GroupReconcilerDeps extends StandingDeps {
  readonly client: Pick<Client, "apply" | "patch">;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly objects: { get(name: { name: string }): NodeGroupObject | undefined };
  readonly nodes: NodeIndex;
  readonly groups: GroupIndex;
  /** Least between two writes of one group's status; and a millisecond for each node, where that is more. */
  readonly statusEveryMs: number;
  /** Nodes that a status shows. */
  readonly maxNodeStatuses: number;
  /** How soon a group is looked at again that was changed meanwhile. */
  readonly conflictMs: number;
}

const [FINALIZER] = kinds.NodeGroup.finalizers;
const MANAGER = "longshore-node-group";
/** The longest rest between two writes of a status, in shortest ones. */
const BUSY_RESTS = 5;

interface Memory {
  readonly nextWriteMs: number;
  /** How long it rests until then. */
  readonly restMs: number;
  readonly seen: Seen | undefined;
}

/** Keeps the status of groups, and lets a group go when no node is in it any more. */
export function createGroupReconciler(deps: GroupReconcilerDeps): Reconciler {
  const memories = new Map<string, Memory>();
  return async ({ name }, context) => {
    const object = deps.objects.get({ name });
    const group = deps.groups.get(name);
    if (object === undefined || group === undefined) {
      memories.delete(name);
      return DONE;
    }
    try {
      if (object.metadata.deletionTimestamp !== undefined) return await release(deps, object, context);
      return await tell(deps, memories, { object, group }, context);
    } catch (error) {
      if (isNotFound(error)) return DONE;
      if (isConflict(error)) return { requeueAfterMs: deps.conflictMs };
      throw error;
    }
  };
}

async function release(
  { client, nodes }: GroupReconcilerDeps,
  object: NodeGroupObject,
  { signal, log }: ReconcileContext,
): Promise<Result> {
  const held = nodes.holding(object.metadata.name).length;
  // Each of them says so when it has let go.
  if (held > 0) log.info({ nodes: held }, "group is deleted when its nodes have left it");
  else await removeFinalizer({ client, resource: NODE_GROUPS, object, finalizer: FINALIZER, signal });
  return DONE;
}

interface Told {
  readonly object: NodeGroupObject;
  readonly group: Group;
}

async function tell(
  deps: GroupReconcilerDeps,
  memories: Map<string, Memory>,
  { object, group }: Told,
  { signal }: ReconcileContext,
): Promise<Result> {
  const { client, clock } = deps;
  await ensureFinalizer({ client, resource: NODE_GROUPS, object, finalizer: FINALIZER, signal });
  const memory = memories.get(group.name);
  const waitMs = (memory?.nextWriteMs ?? 0) - clock.nowMs();
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  const standings = standingsOf(group, deps);
  const status = statusOf({ object, group }, standings, deps);
  const call = { client, resource: NODE_GROUPS, object, status, fieldManager: MANAGER, signal };
  const isWritten = await applyStatusIfChanged(call);
  const seen = seenOf(standings);
  const news = newsOf(memory?.seen ?? seenIn(object.status) ?? seen, seen);
  const regarding = { apiVersion: "apps.kubeedge.io/v1alpha1", kind: "NodeGroup", metadata: object.metadata };
  for (const event of news) deps.recorder.event(regarding, event);
  const nowMs = clock.nowMs();
  const restMs = restOf({ memory, isWritten, nodes: standings.length, nowMs }, deps);
  memories.set(group.name, { nextWriteMs: nowMs + restMs, restMs, seen });
  return DONE;
}

interface Turn {
  readonly memory: Memory | undefined;
  readonly isWritten: boolean;
  readonly nodes: number;
  readonly nowMs: number;
}

/** Twice as long each time while nodes go and come without an end, so that a bad network is no load on the cluster. */
function restOf({ memory, isWritten, nodes, nowMs }: Turn, { statusEveryMs }: GroupReconcilerDeps): number {
  // To look at thousands of nodes costs something too, even if there is nothing new.
  if (!isWritten) return nodes / 10;
  const leastMs = Math.max(statusEveryMs, nodes);
  const wasWaiting = memory !== undefined && nowMs - memory.nextWriteMs < memory.restMs;
  const mostMs = Math.max(leastMs, BUSY_RESTS * statusEveryMs);
  return wasWaiting ? Math.min(mostMs, Math.max(leastMs, 2 * memory.restMs)) : leastMs;
}

function statusOf(
  { object, group }: Told,
  standings: readonly Standing[],
  { clock, maxNodeStatuses }: GroupReconcilerDeps,
): NodeGroupStatus {
  const shown = mostUrgent(standings, maxNodeStatuses);
  const members = standings.filter(({ is }) => is === "member");
  const ready = members.filter((member) => member.ready === "Ready").length;
  const words = conditionsOf({
    ...{ standings, shown: shown.length, ignored: group.grant.ignored },
    hasTemplate: object.spec?.nodeTemplate !== undefined,
  });
  const now = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
  const old: readonly Condition[] = object.status?.conditions ?? [];
  const observed = { observedGeneration: object.metadata.generation ?? 0 };
  const conditions = words.flatMap((said) =>
    withCondition(
      old.filter(({ type }) => type === said.type),
      { ...said, ...observed },
      now,
    ),
  );
  return {
    nodeStatuses: nodeStatusesOf(shown),
    conditions: [...conditions],
    summary: { nodes: members.length, ready, offline: members.length - ready },
  };
}
