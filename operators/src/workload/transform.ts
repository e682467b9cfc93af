// SPDX-License-Identifier: Apache-2.0
import { grants, metadataDigest, objectDigest } from "@longshore/crds";
import type { KubeObject, ObjectMeta } from "../runtime/index.ts";

/** All that placement needs to know of an object; the rest is dropped as soon as it is parsed. */
export interface Trimmed extends KubeObject {
  /** what decides whether a node must get it again */
  readonly digest: string;
}

/** A pod, at most half a kilobyte. */
export interface TrimmedPod extends Trimmed {
  /** "" while it is not bound */
  readonly nodeName: string;
  /** names, in the pod's namespace */
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

const trimmedMeta = ({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta =>
  namespace === undefined ? { name, uid, resourceVersion } : { name, namespace, uid, resourceVersion };

/** Trims a Node. Its digest leaves out status, so that a heartbeat sends nothing. */
export const trimNode = (node: KubeObject): Trimmed => ({
  metadata: trimmedMeta(node.metadata),
  digest: objectDigest(node),
});

/** Trims a ConfigMap or a Secret, of which nothing but metadata is ever in memory. */
export const trimMetadata = (object: KubeObject): Trimmed => ({
  metadata: trimmedMeta(object.metadata),
  digest: metadataDigest(object.metadata),
});

export function trimPod(pod: KubeObject): TrimmedPod {
  const references = grants(pod);
  const namesOf = (kind: string): string[] => references.filter((r) => r.kind === kind).map((r) => r.name);
  return {
    metadata: trimmedMeta(pod.metadata),
    digest: objectDigest(pod),
    nodeName: (pod as { spec?: { nodeName?: string } }).spec?.nodeName ?? "",
    configMaps: namesOf("configmap"),
    secrets: namesOf("secret"),
  };
}
