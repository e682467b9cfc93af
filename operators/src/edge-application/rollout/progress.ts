// SPDX-License-Identifier: Apache-2.0
import type { NodeView, TargetView, WorkloadView } from "./port.ts";

/** Kinds whose pods a batch waits for. Jobs end when they end, and what a CronJob starts is its own matter. */
const AWAITED: ReadonlySet<string> = new Set(["DaemonSet", "Deployment", "StatefulSet", "ReplicaSet", "Pod"]);

export const awayOf = (nodes: readonly NodeView[]): number => nodes.filter(({ isReady }) => !isReady).length;

/** Hosts of a version, or those without one. */
export const hostsOf = (
  { nodes }: TargetView,
  { key, version }: { readonly key: string; readonly version: string | undefined },
): readonly NodeView[] => nodes.filter(({ labels }) => labels[key] === version);

/**
 * Nodes that are away and that a DaemonSet's `desired` counts. Where its pods do not tolerate the taint of such nodes,
 * these are only what is more than the others: nodes that got no taint yet.
 */
export function countedAwayOf(
  { version, desired, countsAway }: WorkloadView,
  view: TargetView,
  key: string,
): number {
  const hosts = hostsOf(view, { key, version });
  const away = awayOf(hosts);
  const most = countsAway === true ? desired : desired - (hosts.length - away);
  return Math.max(0, Math.min(away, most));
}

/**
 * Pods that a workload has to have before it is done. A DaemonSet's pods on nodes that are away are not waited for;
 * of other workloads as many pods as nodes are away, but one has to be there while any node is.
 */
function neededOf(workload: WorkloadView, view: TargetView, key: string): number {
  const { kind, desired } = workload;
  if (kind === "DaemonSet") return desired - countedAwayOf(workload, view, key);
  const away = awayOf(view.nodes);
  if (away === 0) return desired;
  return away === view.nodes.length ? 0 : Math.max(Math.min(1, desired), desired - away);
}

/** Whether its controller still has something to do on nodes that are ready. */
export function isBusy(workload: WorkloadView, view: TargetView, key: string): boolean {
  const needed = neededOf(workload, view, key);
  return !workload.isObserved || workload.upToDate < needed || workload.available < needed;
}

/** Whether pods of the newest template are still to be made on nodes that are ready. */
export function isUpdating(workload: WorkloadView, view: TargetView, key: string): boolean {
  return !workload.isObserved || workload.upToDate < neededOf(workload, view, key);
}

/** Pods of a DaemonSet that nodes that are ready do not have now. */
export const missingOf = (workload: WorkloadView, view: TargetView, key: string): number =>
  Math.max(0, neededOf(workload, view, key) - workload.available);

const nameOf = ({ kind, name }: { readonly kind: string; readonly name: string }): string =>
  `${kind} ${name}`;

/** What rollouts have to know of a child: they remember this of each, and not its content. */
export interface Sketch {
  readonly object: { readonly kind: string; readonly metadata: { readonly name: string } };
  readonly version?: string;
  readonly images: readonly string[];
}

export interface Expected {
  /** What the revision gives the target. */
  readonly children: readonly Sketch[];
  readonly revision: string;
  /** Key of the hosts' label. */
  readonly key: string;
}

/** Why a target does not have its revision yet; undefined: it has. */
export function waitsFor(view: TargetView, { children, revision, key }: Expected): string | undefined {
  const workloads = new Map(view.workloads.map((workload) => [nameOf(workload), workload]));
  for (const { object } of children) {
    if (!AWAITED.has(object.kind)) continue;
    const name = nameOf({ kind: object.kind, name: object.metadata.name });
    const reason = reasonOf(workloads.get(name), { view, revision, key });
    if (reason !== undefined) return `${name} ${reason}`;
  }
  return undefined;
}

function reasonOf(
  workload: WorkloadView | undefined,
  { view, revision, key }: { readonly view: TargetView; readonly revision: string; readonly key: string },
): string | undefined {
  if (workload === undefined) return "is not there";
  if (workload.revision !== revision) return "is not changed yet";
  if (!workload.isObserved) return "is not seen by its controller yet";
  const { upToDate, available, desired } = workload;
  if (isUpdating(workload, view, key)) return `has ${upToDate} of ${desired} pods up to date`;
  if (isBusy(workload, view, key)) return `has ${available} of ${desired} pods available`;
  return undefined;
}
