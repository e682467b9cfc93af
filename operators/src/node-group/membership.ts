// SPDX-License-Identifier: Apache-2.0
import {
  ApiError,
  DONE,
  isConflict,
  isNotFound,
  type Client,
  type ReconcileContext,
  type Reconciler,
  type Result,
} from "../runtime/index.ts";
import { cleared, decide, type Decision, type NodePatch } from "./decide.ts";
import type { GroupIndex } from "./group-index.ts";
import { createLeaving, type Leaving, type LeavingDeps } from "./leaving.ts";
import type { NodeIndex } from "./node-index.ts";
import { NODES, trimNode, type MemberNode, type RawNode } from "./node.ts";
import type { Refusals } from "./refusals.ts";

export interface MembershipDeps extends LeavingDeps {
  readonly client: Pick<Client, "list" | "patch" | "delete">;
  readonly nodes: Pick<NodeIndex, "get">;
  readonly groups: Pick<GroupIndex, "wanting">;
  readonly refusals: Refusals;
  /** How soon a Node is looked at again that was changed meanwhile. */
  readonly conflictMs: number;
}

const MANAGER = "longshore-node-group";

/** Gives one Node what its group gives, and takes away what is left of a group that it is in no more. */
export function createMembership(deps: MembershipDeps): Reconciler {
  const { nodes, groups, refusals } = deps;
  const written: Written = new Map();
  const leaving = createLeaving(deps);
  return async ({ name }, context) => {
    const node = nodes.get(name);
    if (node === undefined) {
      refusals.settled(name);
      written.delete(name);
      leaving.forget(name);
      return DONE;
    }
    // The event of our own write is on its way: what is to be done was done.
    if (isOlder(node, written.get(name))) return { requeueAfterMs: deps.conflictMs };
    written.delete(name);
    const decision = decide(node, groups.wanting(node));
    try {
      const turn = { ...context, written, leaving };
      const now = await change(deps, node, decision.patch, turn);
      refusals.settled(name);
      if (decision.patch !== undefined)
        context.log.info({ node: name, group: decision.group }, "node changed");
      return await leave(deps, now, decision.left, turn);
    } catch (error) {
      if (isNotFound(error)) return DONE; // the Node is gone
      if (isConflict(error)) return { requeueAfterMs: deps.conflictMs };
      note(refusals, name, decision, error);
      throw error;
    }
  };
}

/** Versions of Nodes as we wrote them, until the cache has them too. */
type Written = Map<string, string>;

interface Turn extends ReconcileContext {
  readonly written: Written;
  readonly leaving: Leaving;
}

/** Versions of one kind grow; decimal strings compare by length, then bytes. */
function isOlder({ metadata: { resourceVersion: a } }: MemberNode, b: string | undefined): boolean {
  if (b === undefined) return false;
  return a.length < b.length || (a.length === b.length && a < b);
}

async function change(
  { client }: MembershipDeps,
  node: MemberNode,
  patch: NodePatch | undefined,
  { written, signal }: Turn,
): Promise<MemberNode> {
  if (patch === undefined) return node;
  const options = { signal, fieldManager: MANAGER };
  const body = { type: "merge", body: patch } as const;
  const now = trimNode(await client.patch<RawNode>(NODES, node.metadata, body, options));
  written.set(node.metadata.name, now.metadata.resourceVersion);
  return now;
}

/** That they left was written down with the change, so this goes on wherever it was ended. */
async function leave(
  deps: MembershipDeps,
  node: MemberNode,
  groups: readonly string[],
  turn: Turn,
): Promise<Result> {
  const { name } = node.metadata;
  if (groups.length > 0) {
    const { evicted, waitMs } = await turn.leaving.look(node, groups, turn.signal);
    if (evicted > 0) turn.log.info({ node: name, groups, pods: evicted }, "pods of left groups deleted");
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await change(deps, node, cleared(node.metadata), turn);
  }
  turn.leaving.forget(name);
  return DONE;
}

/** No answer, too many calls, a server that starts: no news of the Node. */
const SAYS_NOTHING: ReadonlySet<number> = new Set([0, 429, 503]);

/** What the API server, or a webhook behind it, refuses is told in the group's status. */
function note(refusals: Refusals, node: string, { group }: Decision, error: unknown): void {
  if (group === undefined || !(error instanceof ApiError) || SAYS_NOTHING.has(error.code)) return;
  refusals.refused(node, { group, message: error.message });
}
