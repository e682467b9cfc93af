// SPDX-License-Identifier: Apache-2.0
import type { Ref } from "../../delivery/outbox.ts";
import type { Placement } from "../../delivery/placement.ts";
import type { Trimmed } from "../../placement/index.ts";
import { ordersOf } from "../orders.ts";
import type { Nodes, Task, TaskOrder } from "../port.ts";
import type { Recalls } from "./recalls.ts";
import { isLeaving } from "./rivals.ts";
import type { StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

/** What the cluster has, as far as the job scope goes. */
export interface JobCaches {
  /** Jobs of all kinds, one of whose tasks is InProgress on the node. */
  jobsAt(node: string): readonly StoredJob[];
  readonly nodes: Pick<Nodes, "get">;
  readonly recalls: Pick<Recalls, "has">;
}

export interface NodeEvent {
  readonly kind: string;
  readonly object: Trimmed;
}

/** A node holds the orders of its tasks that are InProgress in a status that is stored, and not about to be taken back. */
export const jobPlacement: Placement<NodeEvent, JobCaches> = {
  scope: "job",
  nodesOf: ({ object }) => [object.metadata.name],
  refsOf(node, { nodes, recalls, ...caches }) {
    return caches.jobsAt(node).flatMap((stored) => {
      const task = tasksByNode(stored).get(node);
      if (task === undefined || isLeaving(stored) || recalls.has(stored, node)) return [];
      return ordersOf(stored.job.kind, [task], nodes).map((order) => refOf(stored, order, task));
    });
  },
};

function refOf(stored: StoredJob, { kind, salt }: TaskOrder, { attempt }: Task): Ref {
  const { name, uid, resourceVersion } = stored.metadata;
  const digest = stored.orderDigest(attempt, salt);
  return { kind, namespace: "", name, uid, resourceVersion, digest };
}

/** Nodes whose orders an event of a job changes. */
export function nodesToPlace(
  before: StoredJob | undefined,
  now: StoredJob | undefined,
  nodes: Pick<Nodes, "get">,
): ReadonlySet<string> {
  const old = keysOf(before, nodes);
  const fresh = keysOf(now, nodes);
  const changed = [...fresh, ...old].filter(([key]) => old.has(key) !== fresh.has(key));
  return new Set(changed.map(([, node]) => node));
}

function keysOf(stored: StoredJob | undefined, nodes: Pick<Nodes, "get">): ReadonlyMap<string, string> {
  if (stored === undefined || isLeaving(stored)) return new Map();
  const orders = ordersOf(stored.job.kind, stored.status?.nodeStatus ?? [], nodes);
  return new Map(
    orders.map(({ node, kind, salt }) => [`${stored.metadata.uid} ${node} ${kind} ${salt}`, node]),
  );
}
