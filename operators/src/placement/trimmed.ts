// SPDX-License-Identifier: Apache-2.0
import type { Ref } from "../delivery/outbox.ts";
import type { KubeObject, ObjectMeta, Resource } from "../runtime/index.ts";
import { objectDigest } from "@longshore/crds";
import type { WatchSettings } from "../runtime/index.ts";

/** All that placement needs to know of an object; the rest is dropped as soon as it is parsed. */
export interface Trimmed extends KubeObject {
  /** what decides whether a node must get it again */
  readonly digest: string;
}

/** A kind as it is watched for placement. */
export type Selection<T extends KubeObject> = WatchSettings<T> & { readonly resource: Resource };

/** Name, namespace, uid and version. */
export const trimmedMeta = ({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta =>
  namespace === undefined ? { name, uid, resourceVersion } : { name, namespace, uid, resourceVersion };

/** Keeps nothing but the digest, which leaves out status, so that a heartbeat sends nothing. */
export const trimObject = (object: KubeObject): Trimmed => ({
  metadata: trimmedMeta(object.metadata),
  digest: objectDigest(object),
});

/** The edge nodes. One watch for all scopes. */
export const EDGE_NODES: Selection<Trimmed> = {
  resource: { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false },
  labelSelector: "node-role.kubernetes.io/edge",
  transform: trimObject,
};

/** @param kind resource type of the wire */
export function refOf(kind: string, { metadata, digest }: Trimmed): Ref {
  const { namespace = "", name, uid, resourceVersion } = metadata;
  return { kind, namespace, name, uid, resourceVersion, digest };
}
