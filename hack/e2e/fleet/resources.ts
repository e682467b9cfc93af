// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Resource } from "@longshore/operators/runtime";
import type { Condition } from "../../cluster/objects.ts";

const core = { group: "", version: "v1" } as const;
export const NODES: Resource = { ...core, plural: "nodes", kind: "Node", namespaced: false };
export const PODS: Resource = { ...core, plural: "pods", kind: "Pod", namespaced: true };
export const LEASES: Resource = {
  ...{ group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" },
  namespaced: true,
};

export interface Container {
  readonly name: string;
  readonly image: string;
}

export interface FleetPod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] };
}
