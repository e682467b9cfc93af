// SPDX-License-Identifier: Apache-2.0
import type { ObjectEvent } from "../runtime/index.ts";
import { groupOf, hasAll, type Group, type NodeGroupObject } from "./group.ts";
import type { MemberNode } from "./node.ts";
import { createNameSets, pairOf } from "./sets.ts";

/** Groups by what they want, so that a node is compared with few of them. */
export interface GroupIndex {
  /** To be called with each event, before anybody asks. */
  note(event: ObjectEvent<NodeGroupObject>): void;
  get(name: string): Group | undefined;
  /** Groups that select the node or name it, and take nodes in. */
  wanting(node: MemberNode): readonly Group[];
  /** Names of all groups that select the node or name it. */
  namesFor(node: MemberNode): ReadonlySet<string>;
}

interface Entry {
  readonly group: Group;
  /** The one label that it is found by; undefined when it is found by none. */
  readonly pair: string | undefined;
}

export function createGroupIndex(): GroupIndex {
  const entries = new Map<string, Entry>();
  const byPair = createNameSets();
  const byNode = createNameSets();
  const all = new Set<string>();

  const enter = (group: Group): void => {
    const pair = pickPair(group, (one) => byPair.of(one).size);
    entries.set(group.name, { group, pair });
    if (pair !== undefined) byPair.add(pair, group.name);
    else if (group.matchLabels !== undefined) all.add(group.name);
    for (const node of group.nodes) byNode.add(node, group.name);
  };
  const leave = (name: string): void => {
    const entry = entries.get(name);
    if (entry === undefined) return;
    entries.delete(name);
    all.delete(name);
    if (entry.pair !== undefined) byPair.remove(entry.pair, name);
    for (const node of entry.group.nodes) byNode.remove(node, name);
  };
  const namesFor = (node: MemberNode): Set<string> => {
    const names = new Set([...byNode.of(node.metadata.name), ...all]);
    for (const [key, value] of Object.entries(node.ownLabels))
      for (const name of byPair.of(pairOf(key, value))) {
        const wanted = entries.get(name)?.group.matchLabels;
        if (wanted !== undefined && hasAll(node.ownLabels, wanted)) names.add(name);
      }
    return names;
  };

  return {
    note(event) {
      leave(event.object.metadata.name);
      if (event.type !== "delete") enter(groupOf(event.object));
    },
    get: (name) => entries.get(name)?.group,
    namesFor,
    wanting: (node) =>
      [...namesFor(node)]
        .map((name) => entries.get(name)?.group)
        .filter((group) => group?.isOpen === true) as Group[],
  };
}

/** The label that the fewest groups are found by, so that one that all have (`env=prod`) finds few of them. */
function pickPair({ matchLabels = {} }: Group, crowd: (pair: string) => number): string | undefined {
  const pairs = Object.entries(matchLabels).map(([key, value]) => pairOf(key, value));
  pairs.sort();
  return pairs.length === 0 ? undefined : pairs.reduce((a, b) => (crowd(b) < crowd(a) ? b : a));
}
