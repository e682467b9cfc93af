// SPDX-License-Identifier: Apache-2.0
import { EDGE_NODES, type Selection, type Trimmed } from "../placement/index.ts";
import type { Cache, Informer, KubeObject, Resource } from "../runtime/index.ts";
import type { ReferredKind, WorkloadCaches } from "./placement.ts";
import { trimMetadata, trimPod, type TrimmedPod } from "./transform.ts";

const core = (plural: string, kind: string, namespaced: boolean): Resource => ({
  ...{ group: "", version: "v1", plural, kind, namespaced },
});

/** What is watched, and what is kept of it. */
export const selections: {
  readonly node: Selection<Trimmed>;
  readonly pod: Selection<TrimmedPod>;
  readonly configmap: Selection<Trimmed>;
  readonly secret: Selection<Trimmed>;
} = {
  node: EDGE_NODES,
  pod: {
    resource: core("pods", "Pod", true),
    // only what is bound
    fieldSelector: "spec.nodeName!=",
    transform: trimPod,
  },
  configmap: { resource: core("configmaps", "ConfigMap", true), metadataOnly: true, transform: trimMetadata },
  secret: { resource: core("secrets", "Secret", true), metadataOnly: true, transform: trimMetadata },
};

export interface Informers {
  readonly node: Informer<Trimmed>;
  readonly pod: Informer<TrimmedPod>;
  readonly configmap: Informer<Trimmed>;
  readonly secret: Informer<Trimmed>;
}

const inNamespace = (pod: TrimmedPod, names: readonly string[]): readonly string[] =>
  names.map((name) => `${pod.metadata.namespace ?? ""}/${name}`);

/** Informers of the workload scope, with the indexes that placement reads by. */
export function createWorkloadCaches(cache: Cache): { informers: Informers; caches: WorkloadCaches } {
  const open = <T extends KubeObject>({ resource, ...options }: Selection<T>): Informer<T> =>
    cache.informer<T>(resource, options);
  const informers: Informers = {
    node: open(selections.node),
    pod: open(selections.pod),
    configmap: open(selections.configmap),
    secret: open(selections.secret),
  };
  informers.pod.addIndex("workload.node", (pod) => (pod.nodeName === "" ? [] : [pod.nodeName]));
  informers.pod.addIndex("workload.configmap", (pod) => inNamespace(pod, pod.configMaps));
  informers.pod.addIndex("workload.secret", (pod) => inNamespace(pod, pod.secrets));
  const referring = (kind: ReferredKind): string => `workload.${kind}`;
  const caches: WorkloadCaches = {
    node: (name) => informers.node.get({ name }),
    podsOn: (node) => informers.pod.byIndex("workload.node", node),
    podsWith: (kind, namespace, name) => informers.pod.byIndex(referring(kind), `${namespace}/${name}`),
    referred: (kind, namespace, name) => informers[kind].get({ namespace, name }),
  };
  return { informers, caches };
}
