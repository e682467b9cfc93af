// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND } from "@longshore/crds/tasks";
import type { Outbox } from "../../delivery/outbox.ts";
import type { Task, TaskOrder } from "../port.ts";
import type { StoredJob } from "./stored-job.ts";

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
 * Nodes whose order never arrived, as far as delivery knows, and which are not connected. Of a node that delivery
 * knows nothing of, it may have.
 *
 * @throws {DeliveryError} as the outbox does
 */
export async function unreachedBy(
  outbox: Pick<Outbox, "standing">,
  { job, metadata }: StoredJob,
  orders: readonly Pick<TaskOrder, "node" | "kind">[],
): Promise<ReadonlySet<string>> {
  const unreached = new Set<string>();
  await inTurns(orders, async ({ node, kind }) => {
    const object = { kind, namespace: "", name: job.name, uid: metadata.uid };
    const { isConnected, isEstablished, objects } = await outbox.standing(node, "job", [object]);
    const [standing] = objects;
    const hasIt = standing?.acked?.uid === metadata.uid && !standing.isPending;
    if (isEstablished && !isConnected && !hasIt) unreached.add(node);
  });
  return unreached;
}

/** Does a live hub hold the node's session? */
export async function isConnectedNow(outbox: Pick<Outbox, "standing">, node: string): Promise<boolean> {
  const object = { kind: ORDER_KIND.NodeUpgradeJob, namespace: "", name: "none", uid: "" };
  return (await outbox.standing(node, "job", [object])).isConnected;
}
