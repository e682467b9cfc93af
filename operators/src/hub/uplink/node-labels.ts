// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, NODE_GROUP_GIVEN } from "@longshore/crds/apps";

/** Roles that an edge node gives itself; every other role is the cluster's to give. */
const OWN_ROLES = new Set(["node-role.kubernetes.io/edge", "node-role.kubernetes.io/agent"]);
const ROLE_PREFIX = "node-role.kubernetes.io";
/** Kubernetes' own, and ours: which version of an application a host runs is the cluster's to say. */
const RESERVED_DOMAINS = ["node-restriction.kubernetes.io", "longshore.io"];

type Texts = Readonly<Record<string, string>>;

/**
 * May a node set this label on itself? Not the prefix that Kubernetes keeps for placing workloads away from
 * nodes that were taken over, nor its group or anything else of ours, and no role but the two of KubeEdge.
 */
export function mayLabelItself(key: string): boolean {
  const [prefix = ""] = key.includes("/") ? key.split("/") : [];
  if (RESERVED_DOMAINS.some((domain) => prefix === domain || prefix.endsWith(`.${domain}`))) return false;
  if (key === BELONGING_TO || isDirective(key)) return false;
  return prefix !== ROLE_PREFIX || OWN_ROLES.has(key);
}

/** What its group gave to a node is written down on it: whoever writes that decides what the node is given back. */
export const mayAnnotateItself = (key: string): boolean =>
  !key.startsWith(NODE_GROUP_GIVEN) && !isDirective(key);

/** `$patch: replace` in a strategic patch takes away all that is not in it. */
const isDirective = (key: string): boolean => key.startsWith("$");

export interface Judged {
  readonly kept: Record<string, string>;
  readonly dropped: Record<string, string>;
}

/** Splits labels, or annotations, into what is kept and what is dropped. */
export function judge(texts: Texts, mayItself: (key: string) => boolean): Judged {
  const entries = Object.entries(texts);
  return {
    kept: Object.fromEntries(entries.filter(([key]) => mayItself(key))),
    dropped: Object.fromEntries(entries.filter(([key]) => !mayItself(key))),
  };
}

/** Keys with other values than those that are there: a node that repeats what it was told does no wrong. */
export const changedKeys = (dropped: Texts, known: Texts = {}): string[] =>
  Object.keys(dropped).filter((key) => known[key] !== dropped[key]);
