// SPDX-License-Identifier: Apache-2.0
import { grants, metadataDigest, objectDigest } from "@longshore/crds";
import { trimmedMeta, type Trimmed } from "../placement/index.ts";
import type { KubeObject } from "../runtime/index.ts";

/** A pod, at most half a kilobyte. */
export interface TrimmedPod extends Trimmed {
  /** "" while it is not bound */
  readonly nodeName: string;
  /** names, in the pod's namespace */
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

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
