// SPDX-License-Identifier: Apache-2.0
import type { Want } from "../../delivery/mailbox.ts";
import { ORDER_KINDS } from "./order/job.ts";

const PUT_RANK: ReadonlyMap<string, number> = new Map([
  ["node", 0],
  ["configmap", 4],
  ["secret", 4],
  ["devicemodel", 4],
  ["serviceaccountaccess", 4],
  ["membership", 5],
]);
const LAST_PUT = 6;

const DEL_RANK: ReadonlyMap<string, number> = new Map([
  ["membership", 2],
  ["configmap", 3],
  ["secret", 3],
  ["devicemodel", 3],
  ["serviceaccountaccess", 3],
  ["node", 7],
]);
const FIRST_DEL = 1;
const ORDER = 1;

/** Orders of tasks wait for no tier, and none for them: a plain EdgeCore acknowledges none. */
export const isInTiers = (kind: string): boolean => !ORDER_KINDS.has(kind);

/**
 * Place of a want in the order of sending; lower goes first.
 *
 * The Node first; what goes away next, users before what they use, so that a recreated name is free; then what
 * others refer to; then its users. EdgeCore needs the model before the device, and gets each rank acked before the
 * next. Our agent copes with any order; there it only saves queries.
 */
export function rankOf(op: Want["op"], kind: string): number {
  if (!isInTiers(kind)) return ORDER;
  return op === "put" ? (PUT_RANK.get(kind) ?? LAST_PUT) : (DEL_RANK.get(kind) ?? FIRST_DEL);
}

/** `kind/namespace/name` of a want: two frames of one key are never in flight together. */
export const keyOf = (want: Pick<Want, "kind" | "namespace" | "name">): string =>
  `${want.kind}/${want.namespace}/${want.name}`;

/** Sorts by rank, otherwise as given (oldest first). Deletes of an old uid come before the put of the same key. */
export function inOrder(wants: readonly Want[]): Want[] {
  return wants.toSorted((a, b) => rankOf(a.op, a.kind) - rankOf(b.op, b.kind));
}
