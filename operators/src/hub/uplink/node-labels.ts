// SPDX-License-Identifier: Apache-2.0

/** Roles that an edge node gives itself; every other role is the cluster's to give. */
const OWN_ROLES = new Set(["node-role.kubernetes.io/edge", "node-role.kubernetes.io/agent"]);
const ROLE_PREFIX = "node-role.kubernetes.io";
const RESTRICTED_PREFIX = "node-restriction.kubernetes.io";

/**
 * May a node set this label on itself? Not the prefix that Kubernetes keeps for placing workloads away from
 * nodes that were taken over, and no role but the two of KubeEdge.
 */
export function mayLabelItself(key: string): boolean {
  const [prefix = ""] = key.includes("/") ? key.split("/") : [];
  if (prefix === RESTRICTED_PREFIX || prefix.endsWith(`.${RESTRICTED_PREFIX}`)) return false;
  return prefix !== ROLE_PREFIX || OWN_ROLES.has(key);
}

/** Splits labels into what is kept and the keys that are dropped. */
export function judgeLabels(labels: Readonly<Record<string, string>>): {
  kept: Record<string, string>;
  dropped: string[];
} {
  const kept: Record<string, string> = {};
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (mayLabelItself(key)) kept[key] = value;
    else dropped.push(key);
  }
  return { kept, dropped };
}
