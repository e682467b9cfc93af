// SPDX-License-Identifier: Apache-2.0
import type { NodeGroupStatus } from "@longshore/crds/apps";
import type { EventDetails } from "../runtime/index.ts";
import { listed } from "./conditions.ts";
import type { Standing } from "./status.ts";

/** What was told of a group last. */
export interface Seen {
  readonly members: ReadonlySet<string>;
  readonly rivals: ReadonlySet<string>;
}

export const seenOf = (standings: readonly Standing[]): Seen => ({
  members: new Set(standings.filter(({ is }) => is === "member").map(({ node }) => node)),
  rivals: new Set(standings.filter(({ is }) => is === "elsewhere").map(({ node }) => node)),
});

const REASON = /has already belonged to NodeGroup/;

/** What an earlier process told. @returns undefined when the status does not show all of it */
export function seenIn(status: NodeGroupStatus | undefined): Seen | undefined {
  if (status === undefined) return { members: new Set(), rivals: new Set() };
  const { nodeStatuses = [], summary } = status;
  const members = nodeStatuses.filter(({ selectionStatus }) => selectionStatus === "Succeeded");
  if (summary?.nodes !== members.length) return undefined;
  const rivals = nodeStatuses.filter(({ selectionStatusReason = "" }) => REASON.test(selectionStatusReason));
  const names = (list: typeof members): Set<string> => new Set(list.map(({ nodeName }) => nodeName));
  return { members: names(members), rivals: names(rivals) };
}

/** Events of a group: one of each kind, however many nodes it is about. */
export function newsOf(before: Seen, now: Seen): readonly EventDetails[] {
  const fresh = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] =>
    [...a].filter((name) => !b.has(name));
  return [
    told("Normal", "NodeAdded", fresh(now.members, before.members)),
    told("Normal", "NodeRemoved", fresh(before.members, now.members)),
    told("Warning", "NodeConflict", fresh(now.rivals, before.rivals)),
  ].flat();
}

const NOTES = {
  NodeAdded: "taken into the group",
  NodeRemoved: "no longer in the group",
  NodeConflict: "wanted, but in another group already",
} as const;

function told(
  type: EventDetails["type"],
  reason: keyof typeof NOTES,
  nodes: readonly string[],
): EventDetails[] {
  const [first] = nodes;
  if (first === undefined) return [];
  // With what it is about, or an event about other nodes would count as a repeat of this one.
  const related = { apiVersion: "v1", kind: "Node", name: first };
  return [{ type, reason, action: "Group", note: `${NOTES[reason]}: ${listed(nodes)}`, related }];
}
