// SPDX-License-Identifier: Apache-2.0
import { decide } from "../../src/node-group/decide.ts";
import { createGroupIndex, type GroupIndex } from "../../src/node-group/group-index.ts";
import type { NodeGroupObject } from "../../src/node-group/group.ts";
import { createNodeIndex, type NodeIndex } from "../../src/node-group/node-index.ts";
import { trimNode, type MemberNode, type RawNode } from "../../src/node-group/node.ts";
import { patched } from "./builders.ts";

/** Nodes and groups in memory, with the indexes that the controllers ask. */
export interface World {
  readonly nodes: NodeIndex;
  readonly groups: GroupIndex;
  raw(name: string): RawNode | undefined;
  setNode(node: RawNode): void;
  dropNode(name: string): void;
  setGroup(group: NodeGroupObject): void;
  dropGroup(name: string): void;
  /** Does what a reconcile of the node does. @returns whether it wrote anything */
  reconcile(name: string): boolean;
}

export function createWorld(): World {
  const raws = new Map<string, RawNode>();
  const trimmed = new Map<string, MemberNode>();
  const objects = new Map<string, NodeGroupObject>();
  const groups = createGroupIndex();
  const nodes = createNodeIndex({
    get: ({ name }) => trimmed.get(name),
    list: () => [...trimmed.values()],
  });
  const world: World = {
    ...{ nodes, groups },
    raw: (name) => raws.get(name),
    setNode(raw) {
      const { name } = raw.metadata;
      const old = trimmed.get(name);
      const object = trimNode(raw);
      raws.set(name, raw);
      trimmed.set(name, object);
      nodes.note(
        old === undefined ? { type: "create", object, initial: false } : { type: "update", old, object },
      );
    },
    dropNode(name) {
      const object = trimmed.get(name);
      raws.delete(name);
      trimmed.delete(name);
      if (object !== undefined) nodes.note({ type: "delete", object, stateUnknown: false });
    },
    setGroup(object) {
      const old = objects.get(object.metadata.name);
      objects.set(object.metadata.name, object);
      groups.note(
        old === undefined ? { type: "create", object, initial: false } : { type: "update", old, object },
      );
    },
    dropGroup(name) {
      const object = objects.get(name);
      objects.delete(name);
      if (object !== undefined) groups.note({ type: "delete", object, stateUnknown: false });
    },
    reconcile(name) {
      const [node, raw] = [nodes.get(name), raws.get(name)];
      if (node === undefined || raw === undefined) return false;
      const { patch } = decide(node, groups.wanting(node));
      if (patch !== undefined) world.setNode(patched(raw, patch));
      return patch !== undefined;
    },
  };
  return world;
}
