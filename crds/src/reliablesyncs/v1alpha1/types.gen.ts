// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

export interface ClusterObjectSyncSpec {
  /** Version of the object's kind. */
  objectAPIVersion?: string;
  /** Kind of the object. */
  objectKind?: string;
  /** Name of the object. */
  objectName?: string;
}

export interface ClusterObjectSyncStatus {
  /** Version that the node has made durable; 0 while it has none. */
  objectResourceVersion?: string;
  /** Hash of that version without its status; it tells whether another version says the same. */
  objectDigest?: string;
  /** The latest observations, one of each type. */
  conditions?: Condition[];
}

/** Version of one cluster-scoped object that one edge node has made durable. Its name is node.uid. */
export interface ClusterObjectSync {
  apiVersion: "reliablesyncs.kubeedge.io/v1alpha1";
  kind: "ClusterObjectSync";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: ClusterObjectSyncSpec;
  /** What was observed. Written by the system. */
  status?: ClusterObjectSyncStatus;
}

export interface ObjectSyncSpec {
  /** Version of the object's kind. */
  objectAPIVersion?: string;
  /** Kind of the object. */
  objectKind?: string;
  /** Name of the object. */
  objectName?: string;
}

export interface ObjectSyncStatus {
  /** Version that the node has made durable; 0 while it has none. */
  objectResourceVersion?: string;
  /** Hash of that version without its status; it tells whether another version says the same. */
  objectDigest?: string;
  /** The latest observations, one of each type. */
  conditions?: Condition[];
}

/** Version of one namespaced object that one edge node has made durable. Its name is node.uid. */
export interface ObjectSync {
  apiVersion: "reliablesyncs.kubeedge.io/v1alpha1";
  kind: "ObjectSync";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: ObjectSyncSpec;
  /** What was observed. Written by the system. */
  status?: ObjectSyncStatus;
}
