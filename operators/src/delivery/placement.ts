// SPDX-License-Identifier: Apache-2.0
import type { Outbox, Ref, Scope } from "./outbox.ts";

/** What one node must hold of one scope. Pure over the caches, so that a lost event cannot lose a delete. */
export interface Placement<Event, Caches> {
  readonly scope: Scope;
  /** The nodes that hold what the event is about, or held it. Says when to look, never what to do. */
  nodesOf(event: Event, caches: Caches): Iterable<string>;
  refsOf(node: string, caches: Caches): readonly Ref[];
}

export interface PlacementDeps<Event, Caches> {
  readonly placement: Placement<Event, Caches>;
  readonly caches: Caches;
  readonly outbox: Pick<Outbox, "sync" | "forget">;
  /** Is there a Node object, and is it one of ours? */
  readonly hasNode: (node: string) => boolean;
  /** `leaseTransitions` of our leader Lease */
  readonly term: () => number;
}

export interface Placed {
  readonly puts: number;
  readonly dels: number;
  /** The Node is gone, and so is all that was kept for it. */
  readonly forgotten: boolean;
}

/**
 * Makes the mailbox of one node say what the node must hold, or forgets it when its Node is gone.
 *
 * @throws {DeliveryError} as the outbox does
 */
export async function placeNode<Event, Caches>(
  deps: PlacementDeps<Event, Caches>,
  node: string,
): Promise<Placed> {
  const { placement, caches, outbox } = deps;
  if (!deps.hasNode(node)) {
    await outbox.forget(node, deps.term());
    return { puts: 0, dels: 0, forgotten: true };
  }
  const { puts, dels } = await outbox.sync(
    node,
    placement.scope,
    placement.refsOf(node, caches),
    deps.term(),
  );
  return { puts, dels, forgotten: false };
}

/** The nodes that are kept although they are gone: their deletion was missed. */
export async function* missedDeletions(
  outbox: Pick<Outbox, "knownNodes">,
  hasNode: (node: string) => boolean,
): AsyncGenerator<string> {
  for await (const node of outbox.knownNodes()) if (!hasNode(node)) yield node;
}
