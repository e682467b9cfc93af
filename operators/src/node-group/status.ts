// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, type NodeGroupNodeStatus } from "@longshore/crds/apps";
import { homeOf } from "./decide.ts";
import { compare, fitsLabel, type Group } from "./group.ts";
import type { GroupIndex } from "./group-index.ts";
import type { MemberNode } from "./node.ts";
import type { NodeIndex } from "./node-index.ts";
import type { Refusals } from "./refusals.ts";

/** How one node stands to a group. */
export interface Standing {
  readonly node: string;
  readonly ready: "Ready" | "NotReady" | "Unknown";
  readonly is: "member" | "missing" | "elsewhere" | "refused";
  /** KubeEdge's words where it has any; "" for members. */
  readonly reason: string;
}

export interface StandingDeps {
  readonly nodes: Pick<NodeIndex, "wantedBy" | "get">;
  readonly groups: Pick<GroupIndex, "wanting">;
  readonly refusals: Pick<Refusals, "of">;
}

/** All nodes that the group wants, sorted by name, without those that are about to be labelled. */
export function standingsOf(group: Group, deps: StandingDeps): readonly Standing[] {
  const present = deps.nodes.wantedBy(group).flatMap((node) => standingOf(node, group, deps) ?? []);
  const missing = [...new Set(group.nodes)]
    .filter((name) => deps.nodes.get(name) === undefined)
    .map((node): Standing => ({ node, ready: "Unknown", is: "missing", reason: "node does not exist" }));
  return [...present, ...missing].sort((a, b) => compare(a.node, b.node));
}

function standingOf(node: MemberNode, group: Group, deps: StandingDeps): Standing | undefined {
  const { name } = node.metadata;
  const standing = { node: name, ready: node.ready };
  if (!fitsLabel(group.name))
    return {
      ...standing,
      is: "refused",
      reason: "the name of the NodeGroup is longer than a label can hold (63)",
    };
  if (node.labels[BELONGING_TO] === group.name) return { ...standing, is: "member", reason: "" };
  const home = homeOf(node, deps.groups.wanting(node))?.name;
  if (home !== group.name) {
    if (home === undefined) return undefined;
    return { ...standing, is: "elsewhere", reason: `node ${name} has already belonged to NodeGroup ${home}` };
  }
  const refusal = deps.refusals.of(name);
  return refusal?.group === group.name ? { ...standing, is: "refused", reason: refusal.message } : undefined;
}

/** Statuses as KubeEdge writes them. */
export const nodeStatusesOf = (standings: readonly Standing[]): NodeGroupNodeStatus[] =>
  standings.map(({ node, ready, is, reason }) =>
    is === "member"
      ? { nodeName: node, readyStatus: ready, selectionStatus: "Succeeded" }
      : { nodeName: node, readyStatus: ready, selectionStatus: "Failed", selectionStatusReason: reason },
  );

/** At most so many of them, still sorted by name: what needs somebody's eye goes first. */
export function mostUrgent(standings: readonly Standing[], max: number): readonly Standing[] {
  if (standings.length <= max) return standings;
  const urgent = standings.filter(needsEye);
  const rest = standings.filter((standing) => !needsEye(standing));
  return [...urgent, ...rest].slice(0, max).sort((a, b) => compare(a.node, b.node));
}

const needsEye = ({ is, ready }: Standing): boolean => is !== "member" || ready !== "Ready";
