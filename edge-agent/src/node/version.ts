// SPDX-License-Identifier: Apache-2.0

/** Kubernetes level of the pod engine's behaviour and of KubeEdge 1.23, whose kubelet it replaces. */
const KUBERNETES_LEVEL = "v1.32.10";
/** KubeEdge release whose wire behaviour this agent has. keadm and the job controllers choose their dialect by it. */
const KUBEEDGE_LEVEL = "v1.23.1";

/** What the build says; there is none where the sources run as they are. */
declare const LONGSHORE_VERSION: string | undefined;

/**
 * Version of this agent itself: that of the package it came in without the `v`, which is what `spec.version` of a
 * NodeUpgradeJob names.
 */
export const AGENT_VERSION = typeof LONGSHORE_VERSION === "undefined" ? "0.0.0" : LONGSHORE_VERSION;

/**
 * `status.nodeInfo.kubeletVersion`, in the form that KubeEdge's tools parse: what stands behind `-kubeedge-` is a
 * semantic version equal to the KubeEdge release, our own version is its build metadata (which has no underscores).
 */
export const KUBELET_VERSION = `${KUBERNETES_LEVEL}-kubeedge-${KUBEEDGE_LEVEL}+longshore.${AGENT_VERSION.replaceAll("_", "-")}`;
