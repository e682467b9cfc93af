// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../delivery/outbox.ts";
import { addPlacementController, addSweep, type PlacementTuning } from "../placement/index.ts";
import type { Manager } from "../runtime/index.ts";
import { createWorkloadCaches, selections } from "./caches.ts";
import { workloadPlacement } from "./placement.ts";

export interface WorkloadDeps extends PlacementTuning {
  readonly outbox: Outbox;
  /** default 10 min between two looks for nodes whose deletion was missed */
  readonly sweepIntervalMs?: number;
}

/**
 * Keeps in each edge node's mailbox what the node must hold of Nodes, Pods, ConfigMaps and Secrets, and forgets
 * nodes that are gone. The caller runs the delivery whose outbox this is, on the leader.
 */
export function setupWorkloadController(manager: Manager, deps: WorkloadDeps): void {
  const { outbox, sweepIntervalMs, ...tuning } = deps;
  const placing = addPlacementController(manager, {
    ...tuning,
    outbox,
    placement: workloadPlacement,
    caches: createWorkloadCaches(manager.cache).caches,
    watchAll(watch) {
      for (const kind of ["configmap", "secret"] as const) watch(kind, selections[kind]);
      watch("pod", selections.pod);
    },
    forgets: true,
  });
  addSweep(manager, { outbox, placing, intervalMs: sweepIntervalMs });
}
