// SPDX-License-Identifier: Apache-2.0
import type { RenderedSpec } from "@longshore/crds/apps";
import type { HostLabel } from "./host-labels.ts";
import type { NodeView, TargetPlan, TargetView, WorkloadView } from "./port.ts";
import { hostsOf, isBusy, isUpdating, missingOf, type Expected } from "./progress.ts";

/** Version of each host that the spec names; a host that two versions name gets the first. */
export function versionsByHost(spec: RenderedSpec): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, nodes } of spec.rollout?.versions ?? [])
    for (const node of nodes) if (!found.has(node)) found.set(node, name);
  return found;
}

export interface HostsInput {
  readonly view: TargetView;
  /** What the target's revision gives it. */
  readonly expected: Expected;
  readonly wanted: ReadonlyMap<string, string>;
  /** Pods that may be down at once. */
  readonly cap: number;
  /** So long ago were hosts moved that the DaemonSets' counts must tell of it. */
  readonly isLongAgo: boolean;
}

const daemonSetsOf = ({ workloads }: TargetView): readonly WorkloadView[] =>
  workloads.filter(({ kind }) => kind === "DaemonSet");

/** Hosts of the target whose label is not what its revision says. */
export function strayHosts({
  view,
  expected: { key },
  wanted,
}: Omit<HostsInput, "cap" | "isLongAgo">): NodeView[] {
  return view.nodes.filter(({ name, labels }) => labels[key] !== wanted.get(name));
}

/**
 * Hosts that are moved now. Those that are away are free: no pod of theirs is up. Of the others at most so many that,
 * with the pods that are down already, the cap holds; and none while the DaemonSets update, or do not tell yet of the
 * hosts that were moved last.
 */
export function movesOf(input: HostsInput): readonly HostLabel[] {
  const { view, expected, wanted } = input;
  const strays = strayHosts(input);
  if (strays.length === 0) return [];
  const free = strays.filter(({ isReady }) => !isReady);
  const ready = strays.filter(({ isReady }) => isReady).sort((a, b) => (a.name < b.name ? -1 : 1));
  const moved = [...free, ...ready.slice(0, budgetOf(input))];
  // A host of a version whose DaemonSet is not there yet would have no pod at all.
  const isThere = expected.children.every(({ object }) =>
    view.workloads.some(({ kind, name }) => kind === object.kind && name === object.metadata.name),
  );
  return (isThere ? moved : []).map(({ name }) => ({ node: name, version: wanted.get(name) }));
}

function budgetOf({ view, expected, cap, isLongAgo }: HostsInput): number {
  const { key, revision } = expected;
  const wanted = expected.children.filter(({ object }) => object.kind === "DaemonSet");
  // Without DaemonSets a label moves no pod.
  if (wanted.length === 0) return view.nodes.length;
  const planned = daemonSetsOf(view).filter((workload) => workload.revision === revision);
  if (planned.length < wanted.length || planned.some((workload) => isUpdating(workload, view, key))) return 0;
  return isSettled(view, { key, isLongAgo }) ? Math.max(0, cap - downOf(view, key)) : 0;
}

/** Pods of one workload that are down on nodes that are ready: of the worst of them, all versions together. */
export function downOf(view: TargetView, key: string): number {
  const families = new Map<string, number>();
  for (const workload of daemonSetsOf(view)) {
    const family = familyOf(workload);
    families.set(family, (families.get(family) ?? 0) + missingOf(workload, view, key));
  }
  return Math.max(0, ...families.values());
}

const familyOf = ({ name, version }: WorkloadView): string =>
  version !== undefined && name.endsWith(`-${version}`) ? name.slice(0, -version.length - 1) : name;

/**
 * Whether the DaemonSets' counts tell of the hosts' labels as they are. A DaemonSet that takes only some of the
 * target's nodes never counts all: what is less than the hosts is taken as it is when they were moved long ago.
 */
export function isSettled(
  view: TargetView,
  { key, isLongAgo }: { readonly key: string; readonly isLongAgo: boolean },
): boolean {
  return daemonSetsOf(view).every(({ version, desired }) => {
    const hosts = hostsOf(view, { key, version }).length;
    return desired === hosts || (isLongAgo && desired < hosts);
  });
}

export interface HoldInput {
  readonly view: TargetView;
  readonly revision: string;
  readonly key: string;
  readonly isLongAgo: boolean;
  /** Nothing more is begun. */
  readonly isStill: boolean;
}

/**
 * DaemonSets of one target change one after another: together they must keep to the cap, and each knows only its own
 * pods. One that is still changing comes first, for it is what a newer revision may have to mend.
 */
export function holdsOf(input: HoldInput): TargetPlan["holds"] {
  const { view, revision, key } = input;
  const running = daemonSetsOf(view).filter(({ desired }) => desired > 0);
  const parts = [...new Set(running.map(({ version }) => version))].sort(baseFirst);
  if (parts.length < 2) return undefined;
  const isPart = (version: string | undefined, is: (workload: WorkloadView) => boolean): boolean =>
    running.some((workload) => workload.version === version && is(workload));
  const late = new Set(parts.filter((part) => isPart(part, (workload) => workload.revision !== revision)));
  if (late.size === 0) return undefined;
  const busy = parts.find((part) => isPart(part, (workload) => isBusy(workload, view, key)));
  const isAnyBusy = parts.some((part) => isPart(part, (workload) => isBusy(workload, view, key)));
  const isHeldAll = input.isStill || (!isAnyBusy && !isSettled(view, input));
  const next = isAnyBusy ? busy : parts.find((part) => late.has(part));
  return ({ object, version }) =>
    object.kind === "DaemonSet" && late.has(version) && (isHeldAll || version !== next);
}

function baseFirst(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  return b === undefined || a > b ? 1 : -1;
}
