// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import type { LedgerEntry } from "../delivery/ledger.ts";
import { recordName } from "./record.ts";

/** How records name a kind of the wire. */
export interface RecordedKind {
  readonly apiVersion: string;
  readonly kind: string;
  /**
   * Whether a record may stand in for what Redis has lost. Not of a Node, which an edge is sent in any case, nor of
   * what no placement answers for: it would be deleted at the edge.
   */
  readonly isRestored: boolean;
}

const core = (kind: string, isRestored: boolean): RecordedKind => ({ apiVersion: "v1", kind, isRestored });
const own = (
  { group, version, kind }: (typeof kinds)[keyof typeof kinds],
  isRestored: boolean,
): RecordedKind => ({
  apiVersion: `${group}/${version}`,
  kind,
  isRestored,
});

/** The kinds that are recorded, by their resource type on the wire; named as KubeEdge names them. */
export const RECORDED_KINDS: ReadonlyMap<string, RecordedKind> = new Map([
  ["pod", core("Pod", true)],
  ["configmap", core("ConfigMap", true)],
  ["secret", core("Secret", true)],
  ["node", core("Node", false)],
  ["device", own(kinds.Device, true)],
  ["devicemodel", own(kinds.DeviceModel, true)],
  ["serviceaccountaccess", own(kinds.ServiceAccountAccess, false)],
  ["rule", own(kinds.Rule, false)],
  ["ruleendpoint", own(kinds.RuleEndpoint, false)],
]);

/** One record as it must be. */
export interface DesiredRecord {
  /** "" for a ClusterObjectSync */
  readonly namespace: string;
  readonly name: string;
  readonly objectAPIVersion: string;
  readonly objectKind: string;
  readonly objectName: string;
  readonly resourceVersion: string;
  /** "" when it is not known */
  readonly digest: string;
}

/** What must be recorded of what a node has acked. Kinds that are no objects of the API have no record. */
export function desiredRecords(node: string, entries: readonly LedgerEntry[]): DesiredRecord[] {
  return entries.flatMap(({ kind, namespace, name, uid, resourceVersion, digest = "" }) => {
    const recorded = RECORDED_KINDS.get(kind);
    if (recorded === undefined) return [];
    return {
      ...{ namespace, name: recordName(node, uid), objectName: name, resourceVersion },
      ...{ objectAPIVersion: recorded.apiVersion, objectKind: recorded.kind, digest },
    };
  });
}
