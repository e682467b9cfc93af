// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "@longshore/crds/apps";
import { isConflict, isNotFound, type Client, type KubeObject, type Resource } from "../runtime/index.ts";

export interface EvictedPod extends KubeObject {
  readonly spec?: { readonly nodeSelector?: Readonly<Record<string, string>> };
}

export const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };

export interface EvictionCall {
  readonly client: Pick<Client, "list" | "delete">;
  readonly node: string;
  /** Groups whose pods have no place on the node any more. */
  readonly groups: readonly string[];
  readonly signal: AbortSignal;
  /** Pods that are read with one call. */
  readonly pageSize: number;
}

/**
 * Deletes the pods of a node that ask for one of the groups by their nodeSelector. Others stay.
 *
 * @returns how many were deleted
 * @throws {ApiError} when one cannot be deleted; the next call goes on where this one ended
 */
export async function evict({ client, node, groups, signal, pageSize }: EvictionCall): Promise<number> {
  const evicted = new Set(groups);
  let count = 0;
  let next: string | undefined;
  do {
    const page = await client.list<EvictedPod>(PODS, {
      ...{ fieldSelector: `spec.nodeName=${node}`, limit: pageSize, signal },
      ...(next !== undefined && { continue: next }),
    });
    for (const { metadata, spec } of page.items) {
      const group = spec?.nodeSelector?.[BELONGING_TO];
      if (group === undefined || !evicted.has(group) || metadata.deletionTimestamp !== undefined) continue;
      await client.delete(PODS, metadata, { preconditions: { uid: metadata.uid }, signal }).catch(isGone);
      count += 1;
    }
    next = page.continue;
  } while (next !== undefined && next !== "");
  return count;
}

/** Gone, or another pod has its name by now. */
function isGone(error: unknown): void {
  if (!isNotFound(error) && !isConflict(error)) throw error;
}
