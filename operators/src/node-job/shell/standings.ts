// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND } from "@longshore/crds/tasks";
import type { Outbox } from "../../delivery/outbox.ts";
import type { Task, TaskOrder } from "../port.ts";
import type { StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

/** What is asked of delivery about nodes that are silent. */
export interface Silence {
  readonly outbox: Pick<Outbox, "standing">;
  /** Takes an order out of the node's mailbox, for as long as this version of the job is the newest. */
  readonly recall: (stored: StoredJob, node: string) => Promise<void>;
}

/** Calls to Redis at once. */
const MAX_CALLS = 16;

/** Does something for each, a few at a time. */
export async function inTurns<T>(items: readonly T[], call: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await call(item);
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CALLS, items.length) }, work));
}

/** Tasks of which nothing was told although their time is over: was their order ever delivered? */
export function silentTasks(
  { job, status }: StoredJob,
  told: ReadonlySet<string>,
  nowMs: number,
): readonly Task[] {
  return (status?.nodeStatus ?? []).filter(
    ({ phase, nodeName, startTime, actionFlow = [] }) =>
      phase === "InProgress" &&
      actionFlow.length === 0 &&
      startTime !== undefined &&
      !told.has(nodeName) &&
      Date.parse(startTime) + job.timeoutMs <= nowMs,
  );
}

/**
 * Nodes whose order never arrived, as far as delivery knows, and cannot any more: it is taken back. Of a node that
 * delivery knows nothing of, it may have; at one that is connected it is about to.
 *
 * @throws {DeliveryError} as the outbox does
 */
export async function unreachedBy(
  { outbox, recall }: Silence,
  stored: StoredJob,
  orders: readonly TaskOrder[],
): Promise<ReadonlySet<string>> {
  const unreached = new Set<string>();
  await inTurns(orders, async (order) => {
    const before = await arrivalOf(outbox, stored, order);
    if (before.mayHaveArrived || before.isConnected) return;
    // The node may come back any moment: what it could still take then must not be ordered a second time later.
    await recall(stored, order.node);
    const { mayHaveArrived, isConnected, isPending } = await arrivalOf(outbox, stored, order);
    if (!mayHaveArrived && !(isConnected && isPending)) unreached.add(order.node);
  });
  return unreached;
}

interface Arrival {
  readonly mayHaveArrived: boolean;
  readonly isConnected: boolean;
  /** Something is on its way to the node, or may be. */
  readonly isPending: boolean;
}

async function arrivalOf(
  outbox: Pick<Outbox, "standing">,
  stored: StoredJob,
  { node, kind, salt }: TaskOrder,
): Promise<Arrival> {
  const { name, uid } = stored.metadata;
  const object = { kind, namespace: "", name, uid };
  const { isConnected, isEstablished, objects } = await outbox.standing(node, "job", [object]);
  const { acked, isPending = true } = objects[0] ?? {};
  const digest = stored.orderDigest(tasksByNode(stored).get(node)?.attempt ?? 1, salt);
  // Of another digest: the order of an earlier attempt.
  const hasIt = acked?.uid === uid && (!isPending || acked.digest === digest);
  return { mayHaveArrived: hasIt || !isEstablished, isConnected, isPending };
}

/** Does a live hub hold the node's session? */
export async function isConnectedNow(outbox: Pick<Outbox, "standing">, node: string): Promise<boolean> {
  const object = { kind: ORDER_KIND.NodeUpgradeJob, namespace: "", name: "none", uid: "" };
  return (await outbox.standing(node, "job", [object])).isConnected;
}
