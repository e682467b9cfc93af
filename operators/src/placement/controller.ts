// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../delivery/errors.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { placeNode, type Placement, type PlacementDeps } from "../delivery/placement.ts";
import {
  DONE,
  LOW_PRIORITY,
  TerminalError,
  createChannel,
  createExponentialLimiter,
  newController,
  type Channel,
  type Enqueue,
  type EventHandler,
  type KubeObject,
  type Manager,
  type ObjectEvent,
  type Reconciler,
} from "../runtime/index.ts";
import { EDGE_NODES, type Selection, type Trimmed } from "./trimmed.ts";

export interface PlacementTuning {
  /** default: `manager.term()` */
  readonly term?: () => number;
  /** default 64 nodes at once; each is one call to Redis */
  readonly maxConcurrentReconciles?: number;
  /** default 2,000 nodes a second when all are to be placed anew */
  readonly replacePerSecond?: number;
}

/** Watches a kind; its events have the given kind. */
export type Watch<Kind extends string> = <T extends Trimmed>(kind: Kind, selection: Selection<T>) => void;

export interface PlacementController<Kind extends string, Event, Caches> extends PlacementTuning {
  readonly outbox: Outbox;
  readonly placement: Placement<Event, Caches>;
  readonly caches: Caches;
  /** Watches what decides beside the Nodes. */
  readonly watchAll: (watch: Watch<Kind>) => void;
  /** Exactly one scope forgets nodes that are gone: a second one could take away what the first has placed anew. */
  readonly forgets: boolean;
}

/** What other parts may ask of a placement controller. */
export interface Placing {
  /** Nodes that are to be placed anew. */
  readonly requests: Channel;
  readonly hasNode: (node: string) => boolean;
}

const DEFAULT_REPLACE_PER_SECOND = 2000;

/**
 * Adds the controller of one scope: events of any object map to nodes, and a node is placed as a whole. It answers
 * to requests for a fresh placement, of one node or of all.
 */
export function addPlacementController<Kind extends string, Event extends { readonly kind: string }, Caches>(
  manager: Manager,
  deps: PlacementController<Kind, Event, Caches>,
): Placing {
  const { outbox, placement, caches } = deps;
  const { resource, ...selection } = EDGE_NODES;
  const nodes = manager.cache.informer<Trimmed>(resource, selection);
  const hasNode = (node: string): boolean => nodes.get({ name: node }) !== undefined;
  const requests = createChannel(`${placement.scope} placement requests`);
  outbox.onPlacementRequest((node) => {
    if (node !== undefined) requests.enqueue({ namespace: "", name: node });
    else replaceAll(nodes.list(), requests, deps.replacePerSecond ?? DEFAULT_REPLACE_PER_SECOND);
  });
  const builder = newController(manager)
    .named(placement.scope)
    .watches(resource, handle("node", deps), EDGE_NODES);
  deps.watchAll((kind, selection) => {
    builder.watches(selection.resource, handle(kind, deps), selection);
  });
  const term = deps.term ?? ((): number => manager.term());
  builder
    .watchesRaw(requests)
    .withSettings({
      maxConcurrentReconciles: deps.maxConcurrentReconciles ?? 64,
      // Redis comes back within seconds, and work has to go on within 5 s of that.
      limiter: createExponentialLimiter({ baseMs: 50, capMs: 2000, jitter: 0.5 }),
    })
    .complete(createReconciler({ placement, caches, outbox, hasNode, term }, deps.forgets));
  return { requests, hasNode };
}

function createReconciler<Event, Caches>(deps: PlacementDeps<Event, Caches>, forgets: boolean): Reconciler {
  return async ({ name }, { log }) => {
    if (!forgets && !deps.hasNode(name)) return DONE;
    try {
      const { puts, dels, forgotten } = await placeNode(deps, name);
      if (puts + dels > 0 || forgotten) log.debug({ node: name, puts, dels, forgotten }, "node placed");
      return DONE;
    } catch (error) {
      if (error instanceof DeliveryError && !error.retryable) {
        throw new TerminalError("delivery refused the placement", { cause: error });
      }
      throw error;
    }
  };
}

interface Handling<Event, Caches> {
  readonly placement: Placement<Event, Caches>;
  readonly caches: Caches;
}

/** Enqueues the nodes of an event, of both its states. A change that sends nothing enqueues nothing. */
function handle<Event, Caches>(
  kind: string,
  { placement, caches }: Handling<Event, Caches>,
): EventHandler<Trimmed> {
  return (event) => {
    if (event.type === "update" && event.old.digest === event.object.digest) return [];
    const nodes = statesOf(event).flatMap((object) => [
      ...placement.nodesOf({ kind, object } as Event, caches),
    ]);
    return [...new Set(nodes)].map((name): Enqueue => ({ namespace: "", name }));
  };
}

const statesOf = <T extends KubeObject>(event: ObjectEvent<T>): readonly T[] =>
  event.type === "update" ? [event.old, event.object] : [event.object];

// Real changes go first, and the rest comes at a pace that Redis does not feel.
function replaceAll(nodes: readonly Trimmed[], requests: Channel, perSecond: number): void {
  nodes.forEach(({ metadata }, i) => {
    const afterMs = (i / perSecond) * 1000;
    requests.enqueue({ namespace: "", name: metadata.name, priority: LOW_PRIORITY, afterMs });
  });
}
