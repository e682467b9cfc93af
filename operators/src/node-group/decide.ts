// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "@longshore/crds/apps";
import { byAge, type Group } from "./group.ts";
import { isSameTaint, undo, without, type Labels, type MemberNode, type Taint } from "./node.ts";
import { GIVEN, LEFT, printGiven, printLeft, type Before, type Given } from "./record.ts";
import type { Grant } from "./template.ts";

/** What is to be done with a node. */
export interface Decision {
  /** The group that it belongs to, if any. */
  readonly group: string | undefined;
  /** Groups that it is no member of any more, and whose pods have to go. */
  readonly left: readonly string[];
  /** One merge patch, bound to the version that was looked at; undefined when the Node is as it should be. */
  readonly patch: NodePatch | undefined;
}

export type Changes = Readonly<Record<string, string | null>>;

export interface NodePatch {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Changes;
    readonly annotations?: Changes;
  };
  readonly spec?: { readonly taints: readonly Taint[] };
}

const NOTHING: Grant = { labels: {}, annotations: {}, taints: [], ignored: [] };

/**
 * The group of a node: the one whose label it has while that still wants it, then the one it was in, then the oldest.
 *
 * @param matching open groups that select the node or name it
 */
export function homeOf(node: MemberNode, matching: readonly Group[]): Group | undefined {
  const known = [node.labels[BELONGING_TO], node.given?.group];
  for (const name of known) {
    const group = name === undefined ? undefined : matching.find((one) => one.name === name);
    if (group !== undefined) return group;
  }
  return matching.reduce<Group | undefined>(
    (oldest, one) => (oldest === undefined || byAge(one, oldest) < 0 ? one : oldest),
    undefined,
  );
}

/** Depends on nothing but the node and the groups that want it. @param matching as for {@link homeOf} */
export function decide(node: MemberNode, matching: readonly Group[]): Decision {
  const home = homeOf(node, matching);
  const left = leftBy(node, home?.name);
  const grant = home?.grant ?? NOTHING;
  const own = {
    labels: node.ownLabels,
    annotations: ownAnnotations(node),
    taints: ownTaints(node),
  };
  const given = home && writtenDown(home.name, grant, own);
  const labels = changes(node.labels, {
    ...own.labels,
    ...grant.labels,
    ...(home && { [BELONGING_TO]: home.name }),
  });
  const annotations = changes(node.annotations, {
    ...own.annotations,
    ...grant.annotations,
    ...(given && { [GIVEN]: printGiven(given) }),
    ...(left.length > 0 && { [LEFT]: printLeft(left) }),
  });
  const taints = withTaints(own.taints, grant.taints, node.taints);
  return { group: home?.name, left, patch: patchOf(node, { labels, annotations, taints }) };
}

/** The patch that writes down that nothing of the groups it left is on the node any more. */
export const cleared = ({ uid, resourceVersion }: MemberNode["metadata"]): NodePatch => ({
  metadata: { uid, resourceVersion, annotations: { [LEFT]: null } },
});

/** A label that somebody set counts too: pods may have followed it. */
function leftBy(node: MemberNode, home: string | undefined): readonly string[] {
  const names = [...node.left, node.given?.group, node.labels[BELONGING_TO]];
  const left = new Set(names.filter((name) => name !== undefined && name !== home && name !== ""));
  return [...left] as string[];
}

const ownAnnotations = ({ annotations, given }: MemberNode): Labels =>
  without(undo(annotations, given?.annotations), [GIVEN, LEFT]);

const taintKey = ({ key, effect }: Pick<Taint, "key" | "effect">): string => `${key}:${effect}`;

function ownTaints({ taints, given }: MemberNode): readonly Taint[] {
  if (given === undefined) return taints;
  const others = taints.filter((taint) => !Object.hasOwn(given.taints, taintKey(taint)));
  const restored = Object.entries(given.taints).flatMap(([at, value]) => {
    if (value === null) return [];
    const colon = at.lastIndexOf(":");
    const taint: Taint = { key: at.slice(0, colon), effect: at.slice(colon + 1) };
    return [value === "" ? taint : { ...taint, value }];
  });
  return [...others, ...restored];
}

interface Own {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly taints: readonly Taint[];
}

function writtenDown(group: string, grant: Grant, own: Own): Given {
  const valueOf = (taint: Pick<Taint, "key" | "effect">): string | null => {
    const before = own.taints.find((other) => taintKey(other) === taintKey(taint));
    return before === undefined ? null : (before.value ?? "");
  };
  return {
    group,
    labels: beforeOf(grant.labels, own.labels),
    annotations: beforeOf(grant.annotations, own.annotations),
    taints: Object.fromEntries(grant.taints.map((taint) => [taintKey(taint), valueOf(taint)])),
  };
}

const beforeOf = (given: Labels, own: Labels): Before =>
  Object.fromEntries(
    Object.keys(given).map((key) => [key, Object.hasOwn(own, key) ? (own[key] ?? null) : null]),
  );

/** @returns undefined when there are none */
function changes(now: Labels, wanted: Labels): Changes | undefined {
  const set = Object.entries(wanted).filter(([key, value]) => now[key] !== value);
  const gone = Object.keys(now).filter((key) => !Object.hasOwn(wanted, key));
  if (set.length + gone.length === 0) return undefined;
  return Object.fromEntries<string | null>([...set, ...gone.map((key): [string, null] => [key, null])]);
}

/** @returns undefined when the node has exactly these, in whatever order */
function withTaints(
  own: readonly Taint[],
  given: readonly Taint[],
  now: readonly Taint[],
): readonly Taint[] | undefined {
  const keys = new Set(given.map(taintKey));
  const wanted = [...own.filter((taint) => !keys.has(taintKey(taint))), ...given];
  const asItIs = (taint: Taint): Taint | undefined => now.find((other) => isSameTaint(other, taint));
  if (wanted.length === now.length && wanted.every((taint) => asItIs(taint) !== undefined)) return undefined;
  return wanted.map((taint) => asItIs(taint) ?? taint); // keeps the time at which one was added
}

interface Parts {
  readonly labels: Changes | undefined;
  readonly annotations: Changes | undefined;
  readonly taints: readonly Taint[] | undefined;
}

function patchOf({ metadata }: MemberNode, { labels, annotations, taints }: Parts): NodePatch | undefined {
  if (labels === undefined && annotations === undefined && taints === undefined) return undefined;
  const { uid, resourceVersion } = metadata;
  return {
    metadata: { uid, resourceVersion, ...(labels && { labels }), ...(annotations && { annotations }) },
    ...(taints && { spec: { taints } }),
  };
}
