// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, ZONE } from "@longshore/crds/apps";
import type { WatchSettings, KubeObject, ObjectMeta, Resource } from "../runtime/index.ts";
import { GIVEN, LEFT, readGiven, readLeft, type Before, type Given } from "./record.ts";

export type Labels = Readonly<Record<string, string>>;

/** As it stands on a Node; whose it is does not matter. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

export type ReadyStatus = "Ready" | "NotReady" | "Unknown";

/** All that is kept of a Node. Heartbeats change none of it. */
export interface MemberNode extends KubeObject {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly taints: readonly Taint[];
  readonly ready: ReadyStatus;
  /** What the node's group gave it, as it was written down on the Node. */
  readonly given: Given | undefined;
  /** Groups that it left and whose pods may still be on it. */
  readonly left: readonly string[];
  /** Its labels without ours, which are what groups select by: nothing that a group gives moves a node. */
  readonly ownLabels: Labels;
  /** What stands behind `-kubeedge-` in its kubeletVersion, such as v1.23.1; "" when nothing does */
  readonly edgeVersion: string;
}

export interface RawNode extends KubeObject {
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly kubeletVersion?: string };
  };
}

export const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

/** Can be as large as the Node itself, and nobody is given it. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** All Nodes, not only those of the edge: a group may have any. */
export const ALL_NODES: WatchSettings<MemberNode> & { readonly resource: Resource } = {
  resource: NODES,
  transform: trimNode,
};

const READY: Readonly<Record<string, ReadyStatus>> = { True: "Ready", False: "NotReady" };

export function trimNode(object: KubeObject): MemberNode {
  const { metadata, spec, status } = object as RawNode;
  const { labels = {} } = metadata;
  const annotations = without(metadata.annotations ?? {}, [LAST_APPLIED]);
  const given = readGiven(annotations[GIVEN]);
  return {
    metadata: { ...lifeOf(metadata), labels, annotations },
    ...{ labels, annotations, given },
    taints: spec?.taints ?? [],
    ready: readyOf(status),
    left: readLeft(annotations[LEFT]),
    ownLabels: ownLabelsOf(labels, given),
    edgeVersion: edgeVersionOf(status),
  };
}

function readyOf(status: RawNode["status"]): ReadyStatus {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "";
  return READY[ready] ?? "Unknown";
}

const edgeVersionOf = (status: RawNode["status"]): string =>
  /-kubeedge-(\S+)$/.exec(status?.nodeInfo?.kubeletVersion ?? "")?.[1] ?? "";

const lifeOf = ({ name, uid, resourceVersion, creationTimestamp }: ObjectMeta): ObjectMeta => ({
  ...{ name, uid, resourceVersion },
  ...(creationTimestamp !== undefined && { creationTimestamp }),
});

function ownLabelsOf(labels: Labels, given: Given | undefined): Labels {
  const group = labels[BELONGING_TO];
  if (group === undefined && given === undefined) return labels;
  const own = undo(labels, given?.labels);
  // KubeEdge wrote down nothing: a zone that is named like the group is what it gave.
  const isZoneGiven = given === undefined && own[ZONE] === group;
  return without(own, isZoneGiven ? [BELONGING_TO, ZONE] : [BELONGING_TO]);
}

/** What there was before something was given. */
export function undo(now: Labels, given: Before = {}): Labels {
  const restored = Object.entries(given).filter(([, value]) => value !== null) as [string, string][];
  return { ...without(now, Object.keys(given)), ...Object.fromEntries(restored) };
}

/** The same object when it has none of the keys. */
export function without(map: Labels, keys: readonly string[]): Labels {
  if (keys.every((key) => !Object.hasOwn(map, key))) return map;
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}

/** Whether nothing that decides membership changed. */
export const isSameMember = (a: MemberNode, b: MemberNode): boolean =>
  isSameMap(a.labels, b.labels) &&
  isSameMap(a.annotations, b.annotations) &&
  isSameList(a.taints, b.taints, isSameTaint);

/** Whether nothing changed that is kept. */
export const isSameNode = (a: MemberNode, b: MemberNode): boolean =>
  a.ready === b.ready && isSameMember(a, b);

export const isSameTaint = (a: Taint, b: Taint): boolean =>
  a.key === b.key && a.effect === b.effect && (a.value ?? "") === (b.value ?? "");

export function isSameMap(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

const isSameList = <T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean =>
  a.length === b.length && a.every((item, i) => isSame(item, b[i] as T));
