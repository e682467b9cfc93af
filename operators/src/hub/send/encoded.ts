// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Resource } from "../../runtime/client.ts";
import { apiVersionOf } from "./catalog.ts";
import type { Job } from "./order/job.ts";

/** One version of an object as it goes out, shared by every session that sends it. */
export interface Encoded {
  readonly uid: string;
  readonly resourceVersion: string;
  /** JSON text of the object, kind and apiVersion included, managedFields left out */
  readonly content: Buffer;
  /** Of pods: the object itself, for the grants that follow from it. */
  readonly object?: KubeObject;
  /** Of jobs: what orders are made of. */
  readonly job?: Job;
  /** Of jobs: the digest that this version was read for. Another want of that digest is met by it, for what changed since is not ordered. */
  readonly readFor?: string;
  /** Bytes that it takes in memory, where they are not those of `content`. */
  readonly weight?: number;
}

/**
 * Encodes an object for the edge.
 *
 * Items of a LIST lack kind and apiVersion, which EdgeCore needs. managedFields are half of a pod's bytes and mean
 * nothing to an edge.
 */
export function encodeObject(object: KubeObject, resource: Resource): Encoded {
  const metadata = { ...object.metadata, managedFields: undefined };
  const whole = { ...object, kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
  return {
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion,
    content: Buffer.from(JSON.stringify(whole)),
    ...(resource.kind === "Pod" ? { object: whole } : {}),
  };
}

/** Content of a delete: what names the object, and its uid, so that a recreated one is not hit. */
export function encodeTombstone(target: { name: string; namespace: string; uid: string }): Buffer {
  const { name, namespace, uid } = target;
  return Buffer.from(JSON.stringify({ metadata: { name, namespace, uid } }));
}
