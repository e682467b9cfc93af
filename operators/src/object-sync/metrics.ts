// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";

/** Counters of the records. Never labelled by node. */
export interface ObjectSyncMetrics {
  readonly writes: Counter<"verb">;
  readonly skipped: Counter<"reason">;
}

export function createObjectSyncMetrics(registry: Registry): ObjectSyncMetrics {
  const writes = new Counter({
    name: "longshore_objectsync_writes_total",
    help: "Calls that changed ObjectSyncs and ClusterObjectSyncs, by verb",
    labelNames: ["verb"] as const,
    registers: [registry],
  });
  for (const verb of ["create", "patch", "delete"] as const) writes.inc({ verb }, 0);
  const skipped = new Counter({
    name: "longshore_objectsync_skipped_total",
    help: "Records that were not written or not believed, by reason",
    labelNames: ["reason"] as const,
    registers: [registry],
  });
  for (const reason of ["no_namespace", "refused", "garbage_version"] as const) skipped.inc({ reason }, 0);
  return { writes, skipped };
}
