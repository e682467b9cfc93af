// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import type { NodeGroupSpec, NodeGroupStatus } from "@longshore/crds/apps";
import type { KubeObject, Resource } from "../runtime/index.ts";
import type { Labels } from "./node.ts";
import { grantOf, type Grant } from "./template.ts";

/** A NodeGroup as it is in the API. */
export interface NodeGroupObject extends KubeObject {
  readonly spec?: NodeGroupSpec;
  readonly status?: NodeGroupStatus;
}

/** A group, as far as membership is decided by it. */
export interface Group {
  readonly name: string;
  readonly createdAt: string;
  /** undefined selects nothing, {} everything */
  readonly matchLabels: Labels | undefined;
  readonly nodes: readonly string[];
  /** It takes nodes in: it is not being deleted, and its name fits into a label. */
  readonly isOpen: boolean;
  readonly grant: Grant;
}

const { group, version, plural, kind, namespaced } = kinds.NodeGroup;
export const NODE_GROUPS: Resource = { group, version, plural, kind, namespaced };

const MAX_LABEL_CHARS = 63;
export const fitsLabel = (name: string): boolean => name.length <= MAX_LABEL_CHARS;

export function groupOf({ metadata, spec = {} }: NodeGroupObject): Group {
  const { name, creationTimestamp = "", deletionTimestamp } = metadata;
  const { matchLabels, nodes = [] } = spec;
  return {
    ...{ name, createdAt: creationTimestamp, matchLabels, nodes },
    isOpen: deletionTimestamp === undefined && fitsLabel(name),
    grant: grantOf(name, spec),
  };
}

export const hasAll = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** The older one first; of the same second, by name. */
export const byAge = (a: Group, b: Group): number =>
  compare(a.createdAt, b.createdAt) || compare(a.name, b.name);

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
