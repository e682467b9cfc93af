// SPDX-License-Identifier: Apache-2.0
import type { Taint } from "../config/index.ts";
import type { NodeStatus } from "./status.ts";

/** What the configuration says of the Node. */
export interface NodeWishes {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly schedulable: boolean;
}

/** The labels that every edge node registers with; KubeEdge's controllers ignore nodes without the edge role. */
export function nodeLabels(name: string, architecture: string): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "node-role.kubernetes.io/agent": "",
    "node-role.kubernetes.io/edge": "",
  };
}

/** The Node object that this machine asks to be created. */
export function nodeObject(
  wishes: NodeWishes,
  architecture: string,
  status: NodeStatus,
): Record<string, unknown> {
  const { name, labels, taints, schedulable } = wishes;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: { ...labels, ...nodeLabels(name, architecture) },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: {
      ...(taints.length === 0 ? {} : { taints }),
      ...(schedulable ? {} : { unschedulable: true }),
    },
    status,
  };
}
