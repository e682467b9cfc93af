// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../delivery/errors.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { missedDeletions, placeNode } from "../delivery/placement.ts";
import {
  DONE,
  LOW_PRIORITY,
  TerminalError,
  createChannel,
  createExponentialLimiter,
  newController,
  pause,
  type Channel,
  type Enqueue,
  type EventHandler,
  type KubeObject,
  type Manager,
  type ObjectEvent,
  type Reconciler,
} from "../runtime/index.ts";
import { createWorkloadCaches, selections, type Informers } from "./caches.ts";
import { workloadPlacement, type WorkloadCaches, type WorkloadEvent } from "./placement.ts";
import type { Trimmed } from "./transform.ts";

export interface WorkloadDeps {
  readonly outbox: Outbox;
  /** default: `manager.term()` */
  readonly term?: () => number;
  /** default 64 nodes at once; each is one call to Redis */
  readonly maxConcurrentReconciles?: number;
  /** default 2,000 nodes a second when all are to be placed anew */
  readonly replacePerSecond?: number;
  /** default 10 min between two looks for nodes whose deletion was missed */
  readonly sweepIntervalMs?: number;
}

const DEFAULT_REPLACE_PER_SECOND = 2000;
const DEFAULT_SWEEP_MS = 10 * 60 * 1000;

/**
 * Keeps in each edge node's mailbox what the node must hold of Nodes, Pods, ConfigMaps and Secrets.
 * The caller runs the delivery whose outbox this is, on the leader.
 */
export function setupWorkloadController(manager: Manager, deps: WorkloadDeps): void {
  const { outbox } = deps;
  const { informers, caches } = createWorkloadCaches(manager.cache);
  const hasNode = (node: string): boolean => caches.node(node) !== undefined;
  const requests = createChannel("placement requests");
  outbox.onPlacementRequest((node) => {
    if (node === undefined) replaceAll(informers, requests, deps);
    else requests.enqueue({ namespace: "", name: node });
  });
  const term = deps.term ?? ((): number => manager.term());
  const handle = eventHandlers(caches);
  newController(manager)
    .named("workload")
    .watches(selections.node.resource, handle("node"), selections.node)
    .watches(selections.pod.resource, handle("pod"), selections.pod)
    .watches(selections.configmap.resource, handle("configmap"), selections.configmap)
    .watches(selections.secret.resource, handle("secret"), selections.secret)
    .watchesRaw(requests)
    .withSettings({
      maxConcurrentReconciles: deps.maxConcurrentReconciles ?? 64,
      // Redis comes back within seconds, and work has to go on within 5 s of that.
      limiter: createExponentialLimiter({ baseMs: 50, capMs: 2000, jitter: 0.5 }),
    })
    .complete(createWorkloadReconciler({ placement: workloadPlacement, caches, outbox, hasNode, term }));
  manager.add({
    start: async (signal) => {
      while (!signal.aborted) {
        await sweep(manager, { outbox, hasNode, requests });
        await pause(manager.clock, deps.sweepIntervalMs ?? DEFAULT_SWEEP_MS, signal);
      }
    },
  });
}

function createWorkloadReconciler(
  deps: Parameters<typeof placeNode<WorkloadEvent, WorkloadCaches>>[0],
): Reconciler {
  return async ({ name }, { log }) => {
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

/** Enqueues the nodes of an event, of both its states. A change that sends nothing enqueues nothing. */
function eventHandlers(caches: WorkloadCaches) {
  return <T extends Trimmed>(kind: WorkloadEvent["kind"]): EventHandler<T> =>
    (event) => {
      if (event.type === "update" && isSame(event.old, event.object)) return [];
      const nodes = statesOf(event).flatMap((object) => [
        ...workloadPlacement.nodesOf({ kind, object } as unknown as WorkloadEvent, caches),
      ]);
      return [...new Set(nodes)].map((name): Enqueue => ({ namespace: "", name }));
    };
}

const isSame = (old: Trimmed, now: Trimmed): boolean =>
  old.digest === now.digest && nodeNameOf(old) === nodeNameOf(now);
const nodeNameOf = (object: Trimmed): unknown => (object as { nodeName?: string }).nodeName;

const statesOf = <T extends KubeObject>(event: ObjectEvent<T>): readonly T[] =>
  event.type === "update" ? [event.old, event.object] : [event.object];

// Real changes go first, and the rest comes at a pace that Redis does not feel.
function replaceAll(informers: Informers, requests: Channel, deps: WorkloadDeps): void {
  const perSecond = deps.replacePerSecond ?? DEFAULT_REPLACE_PER_SECOND;
  informers.node.list().forEach(({ metadata }, i) => {
    const afterMs = (i / perSecond) * 1000;
    requests.enqueue({ namespace: "", name: metadata.name, priority: LOW_PRIORITY, afterMs });
  });
}

interface Sweep {
  readonly outbox: Outbox;
  readonly hasNode: (node: string) => boolean;
  readonly requests: Channel;
}

async function sweep(manager: Manager, { outbox, hasNode, requests }: Sweep): Promise<void> {
  try {
    for await (const name of missedDeletions(outbox, hasNode)) {
      requests.enqueue({ namespace: "", name, priority: LOW_PRIORITY });
    }
  } catch (error) {
    manager.log.warn({ err: error }, "nodes that are gone were not looked for, the next round will");
  }
}
