// SPDX-License-Identifier: Apache-2.0
import { ApiError, DONE, isConflict, isNotFound, type Client, type Reconciler } from "../runtime/index.ts";
import { cleared, decide, type Decision, type NodePatch } from "./decide.ts";
import { evict } from "./eviction.ts";
import type { GroupIndex } from "./group-index.ts";
import type { NodeIndex } from "./node-index.ts";
import { NODES, trimNode, type MemberNode, type RawNode } from "./node.ts";
import type { Refusals } from "./refusals.ts";

export interface MembershipDeps {
  readonly client: Pick<Client, "list" | "patch" | "delete">;
  readonly nodes: Pick<NodeIndex, "get">;
  readonly groups: Pick<GroupIndex, "wanting">;
  readonly refusals: Refusals;
  /** Pods that are read with one call. */
  readonly podPageSize: number;
  /** How soon a Node is looked at again that was changed meanwhile. */
  readonly conflictMs: number;
}

const MANAGER = "longshore-node-group";

/** Gives one Node what its group gives, and takes away what is left of a group that it is in no more. */
export function createMembership(deps: MembershipDeps): Reconciler {
  const { nodes, groups, refusals } = deps;
  return async ({ name }, { signal, log }) => {
    const node = nodes.get(name);
    if (node === undefined) {
      refusals.settled(name);
      return DONE;
    }
    const decision = decide(node, groups.wanting(node));
    try {
      const now = await change(deps, node, decision.patch, signal);
      refusals.settled(name);
      if (decision.patch !== undefined) log.info({ node: name, group: decision.group }, "node changed");
      const evicted = await leave(deps, now, decision.left, signal);
      if (evicted > 0)
        log.info({ node: name, groups: decision.left, pods: evicted }, "pods of left groups deleted");
      return DONE;
    } catch (error) {
      if (isNotFound(error)) return DONE; // the Node is gone
      if (isConflict(error)) return { requeueAfterMs: deps.conflictMs };
      note(refusals, name, decision, error);
      throw error;
    }
  };
}

async function change(
  { client }: MembershipDeps,
  node: MemberNode,
  patch: NodePatch | undefined,
  signal: AbortSignal,
): Promise<MemberNode> {
  if (patch === undefined) return node;
  const options = { signal, fieldManager: MANAGER };
  return trimNode(await client.patch<RawNode>(NODES, node.metadata, { type: "merge", body: patch }, options));
}

/** That they left was written down with the change, so this goes on wherever it was ended. */
async function leave(
  deps: MembershipDeps,
  node: MemberNode,
  groups: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (groups.length === 0) return 0;
  const { client, podPageSize: pageSize } = deps;
  const count = await evict({ client, node: node.metadata.name, groups, signal, pageSize });
  await change(deps, node, cleared(node.metadata), signal);
  return count;
}

/** What the API server refuses is told in the group's status; that it is away is no news of the node. */
function note(refusals: Refusals, node: string, { group }: Decision, error: unknown): void {
  if (group === undefined || !(error instanceof ApiError) || error.retryable) return;
  refusals.refused(node, { group, message: error.message });
}
