// SPDX-License-Identifier: Apache-2.0
import type { Condition } from "../runtime/index.ts";
import type { Standing } from "./status.ts";

type Words = Pick<Condition, "type" | "status" | "reason" | "message">;

/** What the conditions of a group tell of. */
export interface Told {
  readonly standings: readonly Standing[];
  /** How many of them status.nodeStatuses shows. */
  readonly shown: number;
  /** Whether it has a template; without one nothing is said of it. */
  readonly hasTemplate: boolean;
  readonly ignored: readonly string[];
}

/** Names in one message; of the others it says how many there are. */
const MAX_NAMED = 10;

export function conditionsOf(told: Told): readonly Words[] {
  const { standings, hasTemplate, ignored } = told;
  return [
    ready(told),
    membersResolved(standings),
    exclusive(standings),
    ...(hasTemplate ? [templateValid(ignored)] : []),
  ];
}

function ready({ standings, shown }: Told): Words {
  const type = "Ready";
  const members = standings.filter(({ is }) => is === "member");
  const offline = members.filter((member) => member.ready !== "Ready").map(({ node }) => node);
  const cut =
    shown < standings.length
      ? `; nodeStatuses shows ${shown} of ${standings.length} nodes, those with trouble first`
      : "";
  if (members.length === 0)
    return {
      type,
      status: "False",
      reason: "NoMembers",
      message: `no node belongs to the group: ${nextStep(standings)}${cut}`,
    };
  if (offline.length === 0)
    return {
      type,
      status: "True",
      reason: "AllReady",
      message: `all ${members.length} nodes are Ready${cut}`,
    };
  const message = `${offline.length} of ${members.length} nodes are not Ready: ${listed(offline)}${cut}`;
  return { type, status: "False", reason: "NodesOffline", message };
}

const nextStep = (standings: readonly Standing[]): string =>
  standings.length > 0
    ? "see status.nodeStatuses for why"
    : "give nodes the labels of spec.matchLabels, or name them in spec.nodes";

function membersResolved(standings: readonly Standing[]): Words {
  const type = "MembersResolved";
  const missing = standings.filter(({ is }) => is === "missing").map(({ node }) => node);
  if (missing.length === 0)
    return { type, status: "True", reason: "Resolved", message: "every node that spec.nodes names exists" };
  const message = `there is no Node ${listed(missing)}: take it out of spec.nodes, or let it join`;
  return { type, status: "False", reason: "NodeNotFound", message };
}

function exclusive(standings: readonly Standing[]): Words {
  const type = "Exclusive";
  const others = standings.filter(({ is }) => is === "elsewhere");
  if (others.length === 0)
    return {
      type,
      status: "True",
      reason: "Exclusive",
      message: "no other group has a node that this one wants",
    };
  const message = `${others.length} nodes belong to other groups: ${listed(others.map(({ node }) => node))}`;
  return { type, status: "False", reason: "NodeConflict", message };
}

function templateValid(ignored: readonly string[]): Words {
  const type = "TemplateValid";
  if (ignored.length === 0)
    return { type, status: "True", reason: "Valid", message: "members are given all of spec.nodeTemplate" };
  const message = `members are not given: ${listed(ignored)}`;
  return { type, status: "False", reason: "EntriesIgnored", message };
}

/** The first of them, cut so that they fit any message. */
export function listed(names: readonly string[]): string {
  const first = names
    .slice(0, MAX_NAMED)
    .map((name) => name.slice(0, 400))
    .join(", ");
  return names.length > MAX_NAMED ? `${first} and ${names.length - MAX_NAMED} more` : first;
}
