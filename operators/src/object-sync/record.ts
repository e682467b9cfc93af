// SPDX-License-Identifier: Apache-2.0
import { kinds, type Kind } from "@longshore/crds/kinds";
import type { KubeObject, Resource } from "../runtime/index.ts";

const resourceOf = ({ group, version, plural, kind, namespaced }: Kind): Resource => ({
  ...{ group, version, plural, kind, namespaced },
});

/** Records of namespaced objects. */
export const OBJECT_SYNC: Resource = resourceOf(kinds.ObjectSync);
/** Records of cluster-scoped objects. */
export const CLUSTER_OBJECT_SYNC: Resource = resourceOf(kinds.ClusterObjectSync);

/** The kind that records an object of this namespace; "" is none. */
export const resourceIn = (namespace: string): Resource =>
  namespace === "" ? CLUSTER_OBJECT_SYNC : OBJECT_SYNC;

/** A record as it is kept in memory: what it says, and no more. */
export interface SyncRecord extends KubeObject {
  readonly objectKind: string;
  readonly objectName: string;
  /** status.objectResourceVersion as it stands, be it nonsense */
  readonly acked: string;
  /** status.objectDigest; "" in those that a CloudCore made */
  readonly digest: string;
  /** uid of the Node that owns the record; "" in those that a CloudCore made */
  readonly nodeUid: string;
}

interface FullRecord extends KubeObject {
  readonly spec?: { readonly objectKind?: unknown; readonly objectName?: unknown };
  readonly status?: { readonly objectResourceVersion?: unknown; readonly objectDigest?: unknown };
}

const asText = (value: unknown): string => (typeof value === "string" ? value : "");

/** Keeps what is compared and restored, a tenth of the object. */
export function trimRecord(object: KubeObject): SyncRecord {
  const { spec, status, metadata } = object as FullRecord;
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: { name, uid, resourceVersion, ...(namespace !== undefined && { namespace }) },
    objectKind: asText(spec?.objectKind),
    objectName: asText(spec?.objectName),
    acked: asText(status?.objectResourceVersion),
    digest: asText(status?.objectDigest),
    nodeUid: metadata.ownerReferences?.find((owner) => owner.kind === "Node")?.uid ?? "",
  };
}

/** Name of the record of one object on one node. */
export const recordName = (node: string, uid: string): string => `${node}.${uid}`;

/** The node that a record is about: all but the last dot part of its name; "" when there is no dot. */
export const nodeOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(".")));

/** The uid of the object that a record is about. */
export const objectUidOf = (name: string): string => name.slice(name.lastIndexOf(".") + 1);
