// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type {
  EdgeApplicationStatus,
  EdgeApplicationTarget,
  EdgeApplicationWorkloadStatus,
  RenderFault,
} from "@longshore/crds/apps";
import { groupOf, versionOf } from "../resources.ts";
import { conditionsOf, cut, isDone } from "./conditions.ts";
import { fitEntries, fitTargets } from "./room.ts";
import type { Observed, ObservedChild, ObservedTarget } from "./observed.ts";

/** @param now RFC 3339, whole seconds */
export function statusOf(
  observed: Observed,
  old: EdgeApplicationStatus | undefined,
  now: string,
): EdgeApplicationStatus {
  const byTarget = childrenByTarget(observed);
  const targets = observed.targets.map((target) =>
    targetStatus(observed, target, byTarget.get(target.name) ?? []),
  );
  return {
    workloadStatus: workloadStatusOf(observed),
    conditions: [...conditionsOf(observed, old?.conditions, now)],
    summary: { groups: targets.length, ...totalOf(observed.children) },
    targets: fitTargets(targets.sort((a, b) => (a.name < b.name ? -1 : 1))),
    ...(observed.rollout !== undefined && { rollout: observed.rollout }),
  };
}

function childrenByTarget({ children }: Observed): ReadonlyMap<string, readonly ObservedChild[]> {
  const found = new Map<string, ObservedChild[]>();
  for (const child of children) {
    if (child.target === undefined) continue;
    const others = found.get(child.target);
    if (others === undefined) found.set(child.target, [child]);
    else others.push(child);
  }
  return found;
}

/** Whether nothing would be written. */
export function isSameStatus(a: EdgeApplicationStatus | undefined, b: EdgeApplicationStatus): boolean {
  const fields = ["workloadStatus", "conditions", "summary", "targets", "rollout"] as const;
  return fields.every((field) => isDeepStrictEqual(a?.[field], b[field]));
}

type Entry = EdgeApplicationWorkloadStatus;

function workloadStatusOf(observed: Observed): Entry[] {
  const entries = [
    ...observed.children.map((child) => entryOf(child)),
    ...observed.faults.map((fault) => faultEntry(observed, fault)),
  ];
  const seen = new Set(entries.map(({ identifier }) => identifier.ordinal));
  const manifests = observed.spec.workloadTemplate?.manifests ?? [];
  // Manifests that are for no target yet.
  const silent = manifests.flatMap((_, ordinal) => (seen.has(ordinal) ? [] : [bare(ordinal)]));
  return fitEntries([...entries, ...silent].sort(byPlace));
}

function entryOf(child: ObservedChild): Entry {
  const { ref, version, resource, ordinal } = child;
  const message = messageOf(child);
  return {
    identifier: { ordinal, ...ref, version, ...(resource !== undefined && { resource }) },
    conditions: isAvailable(child) ? "Available" : "Processing",
    ...(message !== undefined && { message: cut(message) }),
  };
}

const isAvailable = ({ exists, facts, fault }: ObservedChild): boolean =>
  exists && fault === undefined && (facts === undefined || facts.isAvailable);

const messageOf = (child: ObservedChild): string | undefined =>
  child.fault ?? (isAvailable(child) ? undefined : child.facts?.message);

const bare = (ordinal: number): Entry => ({ identifier: { ordinal }, conditions: "Processing" });

/** A manifest that cannot be read has nothing but its place; one that fails for a target is named by what it would be. */
function faultEntry(
  { spec, namespace }: Observed,
  { ordinal, target, version, message }: RenderFault,
): Entry {
  const entry = { ...bare(ordinal), message: cut(message) };
  const { apiVersion, kind, metadata } = spec.workloadTemplate?.manifests?.[ordinal] ?? {};
  if (target === undefined || typeof apiVersion !== "string" || typeof kind !== "string") return entry;
  const name = (metadata as { readonly name?: unknown } | undefined)?.name;
  if (typeof name !== "string") return entry;
  const names = [name, target, ...(version === undefined ? [] : [version])];
  const identifier = {
    ...{ ordinal, group: groupOf(apiVersion), version: versionOf(apiVersion) },
    ...{ kind, namespace, name: names.join("-") },
  };
  return { ...entry, identifier };
}

function byPlace({ identifier: a }: Entry, { identifier: b }: Entry): number {
  return a.ordinal - b.ordinal || compare(a.name ?? "", b.name ?? "");
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

type Counts = Required<Pick<EdgeApplicationTarget, "desired" | "available" | "upToDate">>;

function totalOf(children: readonly ObservedChild[]): Counts {
  const total = { desired: 0, available: 0, upToDate: 0 };
  for (const { facts, isApplied } of children) {
    if (facts === undefined) continue;
    total.desired += facts.desired;
    total.available += facts.available;
    // What was not applied yet runs something older, whatever its own status says.
    if (isApplied) total.upToDate += facts.upToDate;
  }
  return total;
}

function targetStatus(
  observed: Observed,
  target: ObservedTarget,
  children: readonly ObservedChild[],
): EdgeApplicationTarget {
  const { name, revision, nodes, readyNodes, isProtected } = target;
  const message = whyNot(observed, target, children);
  return {
    ...{ name, nodes, readyNodes, ...totalOf(children) },
    ...(revision !== undefined && { revision }),
    ...(isProtected === true && { protected: true }),
    ...(message !== undefined && { message: cut(message, 256) }),
  };
}

function whyNot(
  { faults }: Observed,
  { name, isMissing }: ObservedTarget,
  children: readonly ObservedChild[],
): string | undefined {
  if (isMissing) return `there is no NodeGroup ${name}`;
  const fault = faults.find(({ target }) => target === name)?.message;
  if (fault !== undefined) return fault;
  const failed = children.find(
    (child) => !isDone(child) && (child.fault ?? child.facts?.message) !== undefined,
  );
  return failed?.fault ?? failed?.facts?.message;
}
