// SPDX-License-Identifier: Apache-2.0
import type { NodeGroupSpec } from "@longshore/crds/apps";
import type { NodePatch } from "../../src/node-group/decide.ts";
import { groupOf, type Group, type NodeGroupObject } from "../../src/node-group/group.ts";
import type { RawNode, Taint } from "../../src/node-group/node.ts";

export interface NodeWish {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly ready?: string;
}

export const rawNode = (
  name: string,
  { labels = {}, annotations = {}, taints, ready }: NodeWish = {},
): RawNode => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: "1", labels, annotations },
  ...(taints && { spec: { taints } }),
  ...(ready !== undefined && { status: { conditions: [{ type: "Ready", status: ready }] } }),
});

export const groupObject = (name: string, spec: NodeGroupSpec, meta: object = {}): NodeGroupObject => ({
  metadata: {
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...meta,
  },
  spec,
});

export const group = (name: string, spec: NodeGroupSpec, meta: object = {}): Group =>
  groupOf(groupObject(name, spec, meta));

/** What the API server makes of a merge patch, but for its checks. */
export function patched(node: RawNode, patch: NodePatch | undefined): RawNode {
  if (patch === undefined) return node;
  const { metadata, spec } = patch;
  return {
    ...node,
    metadata: {
      ...node.metadata,
      resourceVersion: String(Number(node.metadata.resourceVersion) + 1),
      labels: merged(node.metadata.labels, metadata.labels),
      annotations: merged(node.metadata.annotations, metadata.annotations),
    },
    ...(spec && { spec }),
  };
}

export function merged(
  now: Readonly<Record<string, string>> = {},
  changes: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const all = Object.entries({ ...now, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}
