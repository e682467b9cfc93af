// SPDX-License-Identifier: Apache-2.0

/** How a list is merged: by a key of its items, or as a set of values. Lists that are not here are replaced. */
export type ListRule = { readonly key: string; readonly item: Shape } | "set";

/** The lists of an object that are merged, and its objects that have such lists. */
export interface Shape {
  readonly lists?: Readonly<Record<string, ListRule>>;
  readonly objects?: Readonly<Record<string, Shape>>;
}

const PLAIN: Shape = {};

// Keys: patchMergeKey of Kubernetes' published API (OpenAPI, x-kubernetes-patch-merge-key).
const CONTAINER: Shape = {
  lists: {
    env: { key: "name", item: PLAIN },
    ports: { key: "containerPort", item: PLAIN },
    volumeDevices: { key: "devicePath", item: PLAIN },
    volumeMounts: { key: "mountPath", item: PLAIN },
  },
};

const METADATA: Shape = { lists: { finalizers: "set", ownerReferences: { key: "uid", item: PLAIN } } };

const POD_SPEC: Shape = {
  lists: {
    containers: { key: "name", item: CONTAINER },
    ephemeralContainers: { key: "name", item: CONTAINER },
    hostAliases: { key: "ip", item: PLAIN },
    imagePullSecrets: { key: "name", item: PLAIN },
    initContainers: { key: "name", item: CONTAINER },
    resourceClaims: { key: "name", item: PLAIN },
    schedulingGates: { key: "name", item: PLAIN },
    topologySpreadConstraints: { key: "topologyKey", item: PLAIN },
    volumes: { key: "name", item: PLAIN },
  },
};

const POD: Shape = { objects: { metadata: METADATA, spec: POD_SPEC } };

/** The shape of a workload whose pod is at this path. */
export function shapeAt(template: readonly string[]): Shape {
  const inner = template.reduceRight<Shape>((shape, key) => ({ objects: { [key]: shape } }), POD);
  return { ...inner, objects: { ...inner.objects, metadata: METADATA } };
}
