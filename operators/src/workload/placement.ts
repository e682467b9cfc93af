// SPDX-License-Identifier: Apache-2.0
import type { Ref } from "../delivery/outbox.ts";
import type { Placement } from "../delivery/placement.ts";
import { refOf, type Trimmed } from "../placement/index.ts";
import type { TrimmedPod } from "./transform.ts";

/** What the cluster has, as far as the workload scope goes. */
export interface WorkloadCaches {
  node(name: string): Trimmed | undefined;
  podsOn(node: string): readonly TrimmedPod[];
  /** Pods that refer to an object of their namespace. */
  podsWith(kind: ReferredKind, namespace: string, name: string): readonly TrimmedPod[];
  referred(kind: ReferredKind, namespace: string, name: string): Trimmed | undefined;
}

export type ReferredKind = "configmap" | "secret";

/** Something happened to one of these, in one of its states. */
export type WorkloadEvent =
  | { readonly kind: "node"; readonly object: Trimmed }
  | { readonly kind: "pod"; readonly object: TrimmedPod }
  | { readonly kind: ReferredKind; readonly object: Trimmed };

/**
 * Pods go where they are bound until they are gone from the API, whatever their phase; the ConfigMaps and
 * Secrets that they refer to go along as far as they exist; and each node holds its own Node.
 */
export const workloadPlacement: Placement<WorkloadEvent, WorkloadCaches> = {
  scope: "workload",
  nodesOf: (event, caches) =>
    nodesOf(event, caches).filter((node) => caches.node(node) !== undefined || event.kind === "node"),
  refsOf(node, caches) {
    const own = caches.node(node);
    const pods = caches.podsOn(node);
    return [
      ...(own ? [refOf("node", own)] : []),
      ...referredBy(pods, "configmap", caches),
      ...referredBy(pods, "secret", caches),
      ...pods.map((pod) => refOf("pod", pod)),
    ];
  },
};

function nodesOf(event: WorkloadEvent, caches: WorkloadCaches): string[] {
  if (event.kind === "node") return [event.object.metadata.name];
  if (event.kind === "pod") return event.object.nodeName === "" ? [] : [event.object.nodeName];
  const { namespace = "", name } = event.object.metadata;
  return [...new Set(caches.podsWith(event.kind, namespace, name).map((pod) => pod.nodeName))];
}

function referredBy(pods: readonly TrimmedPod[], kind: ReferredKind, caches: WorkloadCaches): Ref[] {
  const found = new Map<string, Ref>();
  for (const { metadata, configMaps, secrets } of pods) {
    for (const name of kind === "configmap" ? configMaps : secrets) {
      const object = caches.referred(kind, metadata.namespace ?? "", name);
      if (object) found.set(`${metadata.namespace ?? ""}/${name}`, refOf(kind, object));
    }
  }
  return [...found.values()];
}
