// SPDX-License-Identifier: Apache-2.0
import type { Want } from "../../delivery/mailbox.ts";
import { isInTiers, rankOf } from "./tiers.ts";

/** What the next start depends on; asked anew for each want, for every start changes it. */
export interface PlanView {
  /** Towards EdgeCore: each rank is acknowledged before the next begins. */
  readonly inTiers: boolean;
  /** Lowest rank on its way, or Infinity. */
  lowestRank(): number;
  canStart(): boolean;
  /** This want waits for itself alone: its key is on its way, or backs off, or cannot be read yet. */
  isBlocked(want: Want): boolean;
  start(want: Want): void;
}

/**
 * Starts what may go now, in order.
 *
 * @param wants in order of their ranks
 * @returns the wants that were not started, and whether all of them wait for themselves alone
 */
export function startInOrder(wants: readonly Want[], view: PlanView): { left: Want[]; sawAll: boolean } {
  const blocked: Want[] = [];
  let barrier = view.inTiers ? view.lowestRank() : Infinity;
  for (const [index, want] of wants.entries()) {
    if (!view.canStart()) return { left: blocked.concat(wants.slice(index)), sawAll: false };
    if (view.isBlocked(want)) {
      blocked.push(want);
      continue;
    }
    const isTiered = view.inTiers && isInTiers(want.kind);
    const rank = rankOf(want.op, want.kind);
    if (isTiered && rank > barrier) return { left: blocked.concat(wants.slice(index)), sawAll: false };
    if (isTiered) barrier = rank;
    view.start(want);
  }
  return { left: blocked, sawAll: true };
}

/** A push of the Node that the mailbox does not ask for; its ack is recorded, and clears no want. */
export const unaskedNode = (node: string): Want => ({
  field: `workload:node//${node}`,
  op: "put",
  scope: "workload",
  kind: "node",
  namespace: "",
  name: node,
  uid: "",
  resourceVersion: "0",
  digest: "",
  token: "",
  fresh: false,
});
