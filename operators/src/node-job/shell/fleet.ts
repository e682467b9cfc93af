// SPDX-License-Identifier: Apache-2.0
import { matchesSelector } from "@longshore/crds/apps";
import type { KubeObject } from "../../runtime/index.ts";
import type { NodeFact, Nodes } from "../port.ts";

/** A Node, as far as jobs go; whoever watches Nodes keeps more of it. */
export interface JobNode extends KubeObject {
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: "Ready" | "NotReady" | "Unknown";
  /** What stands behind `-kubeedge-` in its kubeletVersion; "" when nothing does */
  readonly edgeVersion: string;
}

/** The watched Nodes. */
export interface NodeReader {
  get(name: { name: string }): JobNode | undefined;
  list(): readonly JobNode[];
}

const EDGE_LABEL = "node-role.kubernetes.io/edge";

/** @param isConnected a live hub holds the node's session, though its Node is not Ready */
export function createNodes(nodes: NodeReader, isConnected: (node: string) => boolean): Nodes {
  const factOf = ({ metadata: { name }, labels, ready, edgeVersion }: JobNode): NodeFact => ({
    ...{ name, labels, edgeVersion },
    isEdge: isEdge(labels),
    isReady: ready === "Ready" || isConnected(name),
  });
  return {
    get(name) {
      const node = nodes.get({ name });
      return node === undefined ? undefined : factOf(node);
    },
    matching: (labelSelector) =>
      nodes
        .list()
        .filter(({ labels }) => isEdge(labels) && matchesSelector(labelSelector, labels))
        .map(factOf)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const isEdge = (labels: JobNode["labels"]): boolean => Object.hasOwn(labels, EDGE_LABEL);

/** Nothing changed that jobs decide by. Labels matter when a job is accepted only, and say whether it is of the edge. */
export const isSameNode = (a: JobNode, b: JobNode): boolean =>
  a.ready === b.ready && a.edgeVersion === b.edgeVersion && isEdge(a.labels) === isEdge(b.labels);
