// SPDX-License-Identifier: Apache-2.0
import type { GroupFacts, Target } from "@longshore/crds/apps";
import type { Reader } from "../runtime/index.ts";
import type { NodeView } from "./rollout/index.ts";
import { topicOfGroup, topicOfSelector, type NodeFacts, type NodeSets, type Topic } from "./watch/nodes.ts";

export const BY_GROUP = "edge-application/group";

/** Groups and nodes, as the caches show them. */
export interface Places {
  groups(): readonly GroupFacts[];
  hasGroup(name: string): boolean;
  /** Notes in `topics` what the answer depends on. */
  nodesOf(target: Target, topics: Set<Topic>): readonly NodeView[];
}

export interface PlacesDeps {
  readonly nodes: Pick<Reader<NodeFacts>, "get" | "byIndex">;
  readonly nodeGroups: Pick<Reader, "get" | "list">;
  readonly sets: NodeSets;
}

export function createPlaces({ nodes, nodeGroups, sets }: PlacesDeps): Places {
  const inGroup = (name: string): readonly NodeFacts[] => nodes.byIndex(BY_GROUP, name);
  const selected = (names: ReadonlySet<string>): readonly NodeFacts[] =>
    [...names].flatMap((name) => nodes.get({ name }) ?? []);
  return {
    groups: () => nodeGroups.list().map(({ metadata: { name, labels = {} } }) => ({ name, labels })),
    hasGroup: (name) => nodeGroups.get({ name }) !== undefined,
    nodesOf({ group, labelSelector }, topics) {
      if (group !== undefined) {
        topics.add(topicOfGroup(group));
        return inGroup(group).map(viewOf);
      }
      if (labelSelector === undefined) return [];
      topics.add(topicOfSelector(labelSelector));
      return selected(sets.nodesOf(labelSelector)).map(viewOf);
    },
  };
}

const viewOf = ({ metadata, labels, ready }: NodeFacts): NodeView => ({
  name: metadata.name,
  isReady: ready === "Ready",
  labels,
});
