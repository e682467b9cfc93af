// SPDX-License-Identifier: Apache-2.0
import type { LedgerEntry } from "../../src/delivery/ledger.ts";
import type { SyncRecord } from "../../src/object-sync/record.ts";

/** A ConfigMap that a node has acked. */
export const entry = (name: string, resourceVersion: string, uid = `uid-${name}`): LedgerEntry => ({
  ...{ scope: "workload", kind: "configmap", namespace: "ns" },
  ...{ name, uid, resourceVersion },
});

/** The record of that ConfigMap on edge-1, as it is kept in memory. */
export const record = (id: string, acked: string, name = id): SyncRecord => ({
  metadata: { name: `edge-1.uid-${id}`, namespace: "ns", uid: "record", resourceVersion: "1" },
  ...{ objectKind: "ConfigMap", objectName: name, acked, digest: "", nodeUid: "node-uid" },
});
