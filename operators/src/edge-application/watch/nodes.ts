// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, matchesSelector, type LabelSelector } from "@longshore/crds/apps";
import type { KubeObject } from "../../runtime/index.ts";

/** A node, as far as applications look at it. */
export interface NodeFacts extends KubeObject {
  readonly labels: Readonly<Record<string, string>>;
  /** Of its Ready condition: Ready, NotReady or Unknown. */
  readonly ready: string;
}

interface RawNode extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Heartbeats change none of it. */
export function trimNode(object: KubeObject): NodeFacts {
  const { metadata, status } = object as RawNode;
  const { name, uid, resourceVersion, labels = {} } = metadata;
  const isReady = status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;
  return { metadata: { name, uid, resourceVersion }, labels, ready: isReady ? "Ready" : "NotReady" };
}

/** Something that applications depend on: `group/<name>`, `selector/<json>`, or `groups` for every group's labels. */
export type Topic = `group/${string}` | `selector/${string}` | "groups";

export const topicOfGroup = (name: string): Topic => `group/${name}`;
export const topicOfSelector = (selector: LabelSelector): Topic => `selector/${JSON.stringify(selector)}`;

export const isSameNode = (old: NodeFacts, now: NodeFacts): boolean =>
  old.ready === now.ready && hasSameLabels(old.labels, now.labels);

function hasSameLabels(a: NodeFacts["labels"], b: NodeFacts["labels"]): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

export const groupOfNode = ({ labels }: NodeFacts): string => labels[BELONGING_TO] ?? "";

/** The nodes of each selector that is in use, kept as nodes change. */
export interface NodeSets {
  /** Names; the first call looks at every node. */
  nodesOf(selector: LabelSelector): ReadonlySet<string>;
  /** Nobody uses it any more. */
  drop(topic: Topic): void;
  /** @returns the selectors that the node matches or matched */
  changed(old: NodeFacts | undefined, now: NodeFacts | undefined): readonly Topic[];
}

interface NodeSet {
  readonly selector: LabelSelector;
  readonly names: Set<string>;
}

export function createNodeSets(allNodes: () => readonly NodeFacts[]): NodeSets {
  const sets = new Map<Topic, NodeSet>();
  return {
    nodesOf(selector) {
      const topic = topicOfSelector(selector);
      const known = sets.get(topic);
      if (known !== undefined) return known.names;
      const found = allNodes().filter(({ labels }) => matchesSelector(selector, labels));
      const names = new Set(found.map(({ metadata }) => metadata.name));
      sets.set(topic, { selector, names });
      return names;
    },
    drop: (topic) => void sets.delete(topic),
    changed(old, now) {
      const name = (now ?? old)?.metadata.name ?? "";
      const touched: Topic[] = [];
      for (const [topic, { selector, names }] of sets) {
        const did = names.has(name);
        const does = now !== undefined && matchesSelector(selector, now.labels);
        if (does) names.add(name);
        else names.delete(name);
        if (did || does) touched.push(topic);
      }
      return touched;
    },
  };
}
