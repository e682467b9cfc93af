// SPDX-License-Identifier: Apache-2.0
import { grantOf, type NodeGroupSpec } from "@longshore/crds/apps";
import type { RuleViolation } from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "../review.ts";
import { isJudged, verdictOf } from "../verdict.ts";
import type { FoundNode, GroupLookups } from "./nodes.ts";

export interface GroupRuleDeps {
  readonly groupNodes: GroupLookups;
}

/** Names told in one warning. */
const MAX_NAMES = 5;
/** Named nodes that are looked for. */
const MAX_LOOKED_FOR = 20;

/**
 * Judges a NodeGroup. Refused is only what `spec.nodeTemplate`, which KubeEdge does not have, may not give to nodes; what
 * KubeEdge takes and gives no member is warned of.
 */
export function createGroupRule({
  groupNodes,
}: GroupRuleDeps): (request: ReviewRequest) => Verdict | Promise<Verdict> {
  return (request) => {
    if (!isJudged(request)) return { allowed: true };
    const { spec = {} } = request.object as { readonly spec?: NodeGroupSpec };
    const name = request.name ?? "";
    const faults = templateFaults(name, spec);
    if (faults.length > 0) return verdictOf({ faults, warnings: [] });
    return warn(name, spec, groupNodes);
  };
}

const templateFaults = (group: string, spec: NodeGroupSpec): RuleViolation[] =>
  grantOf(group, spec).ignored.map((message) => ({ field: "spec.nodeTemplate", message }));

async function warn(group: string, spec: NodeGroupSpec, lookups: GroupLookups): Promise<Verdict> {
  const [bySelector, byName] = await Promise.all([
    selectorWarnings(group, spec, lookups),
    nameWarnings(group, spec.nodes ?? [], lookups),
  ]);
  return verdictOf({ faults: [], warnings: [...bySelector, ...byName] });
}

async function selectorWarnings(
  group: string,
  { matchLabels }: NodeGroupSpec,
  lookups: GroupLookups,
): Promise<string[]> {
  if (matchLabels === undefined) return [];
  const isEverything = Object.keys(matchLabels).length === 0;
  const all = "spec.matchLabels: is empty, which selects every node; leave it out to select none";
  const claimed = await lookups.claimed(group, matchLabels);
  return [
    ...(isEverything ? [all] : []),
    ...(claimed === "unknown" ? [UNKNOWN] : tellClaimed("spec.matchLabels", claimed)),
  ];
}

const UNKNOWN = "the nodes could not be read, so nothing is said of those that this group does not get";

async function nameWarnings(
  group: string,
  names: readonly string[],
  lookups: GroupLookups,
): Promise<string[]> {
  if (names.length === 0) return [];
  const asked = [...new Set(names)].slice(0, MAX_LOOKED_FOR);
  const found = await lookups.named(asked);
  if (found === "unknown") return [UNKNOWN];
  const there = new Set(found.map(({ name }) => name));
  const missing = asked.filter((name) => !there.has(name));
  return [
    ...(missing.length > 0 ? [`spec.nodes: there are no such nodes now: ${listed(missing)}`] : []),
    ...tellClaimed(
      "spec.nodes",
      found.filter((node) => node.group !== undefined && node.group !== group),
    ),
  ];
}

function tellClaimed(field: string, nodes: readonly FoundNode[]): string[] {
  if (nodes.length === 0) return [];
  const names = nodes.map(({ name, group = "" }) => `${name} (${group})`);
  return [`${field}: nodes that belong to another group, and stay in it: ${listed(names)}`];
}

const listed = (names: readonly string[]): string =>
  names.length <= MAX_NAMES
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMES).join(", ")} and ${names.length - MAX_NAMES} more`;
