// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "@longshore/crds/apps";
import type { ObjectEvent } from "../runtime/index.ts";
import { hasAll, type Group } from "./group.ts";
import { isSameMember, type MemberNode } from "./node.ts";
import { createNameSets, pairOf } from "./sets.ts";

/** Nodes by what they have. */
export interface NodeIndex {
  /** To be called with each event, before anybody asks. */
  note(event: ObjectEvent<MemberNode>): void;
  get(name: string): MemberNode | undefined;
  /** Nodes that the group selects or names, whether or not it may have them. */
  wantedBy(group: Group): readonly MemberNode[];
  /** Nodes with the group's label, or that left it and may still have pods of it. */
  holding(group: string): readonly MemberNode[];
}

/** @param nodes reads by name what the last event said */
export function createNodeIndex(nodes: {
  get(name: { name: string }): MemberNode | undefined;
  list(): readonly MemberNode[];
}): NodeIndex {
  const labelled = createNameSets();
  const held = createNameSets();
  const enter = (node: MemberNode): void => {
    const { name } = node.metadata;
    for (const [key, value] of Object.entries(node.ownLabels)) labelled.add(pairOf(key, value), name);
    for (const group of heldBy(node)) held.add(group, name);
  };
  const leave = (node: MemberNode): void => {
    const { name } = node.metadata;
    for (const [key, value] of Object.entries(node.ownLabels)) labelled.remove(pairOf(key, value), name);
    for (const group of heldBy(node)) held.remove(group, name);
  };
  const get = (name: string): MemberNode | undefined => nodes.get({ name });
  const pick = (names: Iterable<string>): MemberNode[] =>
    [...names].map(get).filter((node) => node !== undefined);
  const selectedBy = (labels: Record<string, string>): readonly MemberNode[] => {
    const sets = Object.entries(labels).map(([key, value]) => labelled.of(pairOf(key, value)));
    if (sets.length === 0) return nodes.list();
    const fewest = sets.reduce((a, b) => (b.size < a.size ? b : a));
    return pick(fewest).filter(({ ownLabels }) => hasAll(ownLabels, labels));
  };

  return {
    get,
    note(event) {
      if (event.type === "update" && isSameMember(event.old, event.object)) return;
      if (event.type === "update") leave(event.old);
      if (event.type === "delete") leave(event.object);
      else enter(event.object);
    },
    wantedBy({ matchLabels, nodes: named }) {
      const selected = matchLabels === undefined ? [] : selectedBy(matchLabels);
      const all = new Map([...selected, ...pick(named)].map((node) => [node.metadata.name, node]));
      return [...all.values()];
    },
    holding: (group) => pick(held.of(group)),
  };
}

/** Groups whose label the node has, or whose pods it may have. */
export function heldBy(node: MemberNode): readonly string[] {
  const group = node.labels[BELONGING_TO];
  return group === undefined ? node.left : [group, ...node.left];
}
