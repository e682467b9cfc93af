// SPDX-License-Identifier: Apache-2.0
import type { RenderedSpec } from "@longshore/crds/apps";
import type { HostLabel } from "./host-labels.ts";
import type { NodeView, TargetPlan, TargetView, WorkloadView } from "./port.ts";
import { awayOf, countedAwayOf, hostsOf, isBusy, isUpdating, missingOf, type Expected } from "./progress.ts";

/** Version of each host that the spec names; a host that two versions name gets the first. */
export function versionsByHost(spec: RenderedSpec): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, nodes } of spec.rollout?.versions ?? [])
    for (const node of nodes) if (!found.has(node)) found.set(node, name);
  return found;
}

export interface HostsInput {
  readonly view: TargetView;
  /** Hosts of the target that are its to move: another target may have some of them too, and its DaemonSets count all. */
  readonly own: readonly NodeView[];
  /** What the target's revision gives it. */
  readonly expected: Expected;
  readonly wanted: ReadonlyMap<string, string>;
  /** Pods that may be down at once. */
  readonly cap: number;
  /** So long ago were hosts moved that the DaemonSets' counts must tell of it. */
  readonly isLongAgo: boolean;
  /** It takes too long: hosts are moved one by one, though the cap is used up. */
  readonly isOverdue: boolean;
}

const daemonSetsOf = ({ workloads }: TargetView): readonly WorkloadView[] =>
  workloads.filter(({ kind }) => kind === "DaemonSet");

/** Hosts whose label is not what their target's revision says. */
export function strayHosts(
  nodes: readonly NodeView[],
  { key, wanted }: { readonly key: string; readonly wanted: ReadonlyMap<string, string> },
): NodeView[] {
  return nodes.filter(({ name, labels }) => labels[key] !== wanted.get(name));
}

/**
 * Hosts that are moved now: none while the DaemonSets update, or do not tell yet of the hosts that were moved last.
 * Those that are away, or whose old version works nowhere, are free: no working pod is lost. Of the others at most so
 * many that, with the pods that are down already, the cap holds. All leave the same version, whose DaemonSets then have
 * to count less: hosts that change places would leave all counts as they are, as if none had been moved.
 */
export function movesOf(input: HostsInput): readonly HostLabel[] {
  const { view, own, wanted } = input;
  const { key } = input.expected;
  const strays = strayHosts(own, { key, wanted }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const versionOf = ({ labels }: NodeView): string | undefined => labels[key];
  const isFree = (node: NodeView): boolean => !node.isReady || isLeftBehind(input, versionOf(node));
  const chosen = (): readonly NodeView[] => {
    // Before its first pods a target costs nothing.
    if (strays.length === 0 || daemonSetsOf(view).length === 0) return strays;
    if (!isQuiet(input)) return [];
    const budget = budgetOf(input);
    const first = strays.find((node) => isFree(node) || budget > 0);
    if (first === undefined) return [];
    const leaving = strays.filter((node) => versionOf(node) === versionOf(first));
    const costly = leaving.filter((node) => !isFree(node));
    return [...leaving.filter(isFree), ...costly.slice(0, budget)];
  };
  return chosen().map(({ name }) => ({ node: name, version: wanted.get(name) }));
}

/** A version that the revision does not have any more, and of which no pod works. */
function isLeftBehind(
  { view, expected: { revision }, isLongAgo }: HostsInput,
  version: string | undefined,
): boolean {
  const own = daemonSetsOf(view).filter((workload) => workload.version === version);
  const isDead = ({ revision: of, isObserved, desired, available }: WorkloadView): boolean =>
    of !== revision && isObserved && desired > 0 && available === 0;
  return isLongAgo && own.length > 0 && own.every(isDead);
}

/** Every DaemonSet of the revision is there, has updated its pods, and counts the hosts that were moved last. */
function isQuiet({ view, expected: { children, key, revision }, isLongAgo }: HostsInput): boolean {
  const wanted = children.filter(({ object }) => object.kind === "DaemonSet");
  const planned = daemonSetsOf(view).filter((workload) => workload.revision === revision);
  const isUpdated = planned.length >= wanted.length && !planned.some((one) => isUpdating(one, view, key));
  return isUpdated && isSettled(view, { key, isLongAgo });
}

function budgetOf({ view, expected: { key }, cap, isLongAgo, isOverdue }: HostsInput): number {
  // Pods that stay down must not keep all others where they are for good.
  return Math.max(isOverdue && isLongAgo ? 1 : 0, cap - downOf(view, key));
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
 * Whether the DaemonSets' counts tell of the hosts' labels as they are: all hosts, or those that are not away where
 * pods do not tolerate the others. A DaemonSet that takes only some of the target's nodes never counts all: any count
 * that there may be is taken as it is when hosts were moved long ago.
 */
export function isSettled(
  view: TargetView,
  { key, isLongAgo }: { readonly key: string; readonly isLongAgo: boolean },
): boolean {
  return daemonSetsOf(view).every(({ version, desired, countsAway }) => {
    const hosts = hostsOf(view, { key, version });
    const counted = countsAway === true ? hosts.length : hosts.length - awayOf(hosts);
    return desired === counted || (isLongAgo && desired <= hosts.length);
  });
}

export interface HoldInput {
  readonly view: TargetView;
  /** What the target's revision gives it. */
  readonly expected: Expected;
  readonly isLongAgo: boolean;
  /** Nothing more is begun. */
  readonly isStill: boolean;
}

/** Name of the DaemonSets for hosts without a version, among versions; sorts first. */
const BASE = "";

interface Parts {
  /** Versions that have pods or hosts, of the revision or not. */
  readonly count: number;
  /** DaemonSets that are still to get the revision. */
  readonly late: readonly WorkloadView[];
  /** Those whose controller has something to do now. */
  readonly busy: readonly WorkloadView[];
}

function partsOf(view: TargetView, { key, revision, children }: Expected): Parts {
  const running = daemonSetsOf(view).filter(({ desired }) => desired > 0);
  // One whose first hosts were just moved does not count them yet.
  const used = daemonSetsOf(view).filter(
    ({ version, desired }) => desired > 0 || hostsOf(view, { key, version }).length > 0,
  );
  const names = new Set(
    children.filter(({ object }) => object.kind === "DaemonSet").map(({ object }) => object.metadata.name),
  );
  const planned = running.filter(({ name }) => names.has(name));
  return {
    count: new Set(used.map(({ version }) => version)).size,
    late: planned.filter((workload) => workload.revision !== revision),
    busy: planned.filter((workload) => isBusy(workload, view, key)),
  };
}

const partOf = ({ version = BASE }: WorkloadView): string => version;
const namesOf = (workloads: readonly WorkloadView[]): readonly string[] =>
  [...new Set(workloads.map(partOf))].sort();

/**
 * Nodes that are away and that the DaemonSets that change now count as down: so many more may be down, or nothing
 * would change. Also hosts that are no more the DaemonSet's own: until they are back they keep its pod, which was told
 * to end. 0 where all pods are new: then no object is changed because a node went or came.
 */
export function awayOfChanging(view: TargetView, expected: Expected): number {
  const { late, busy } = partsOf(view, expected);
  const away = awayOf(view.nodes);
  const awayFor = (workload: WorkloadView): number =>
    Math.min(away, (workload.misplaced ?? 0) + countedAwayOf(workload, view, expected.key));
  // Where two change, one may only just have been told a new cap: the other must not get more than its own.
  const [first] = namesOf(late);
  const changing = busy.length > 0 ? busy : late.filter((workload) => partOf(workload) === first);
  if (changing.length > 0) return Math.min(...changing.map(awayFor));
  const old = view.workloads.filter(({ upToDate, desired }) => upToDate < desired);
  return Math.max(0, ...old.map((workload) => (workload.kind === "DaemonSet" ? awayFor(workload) : away)));
}

/**
 * DaemonSets of one target change one after another: together they must keep to the cap, and each knows only its own
 * pods. One that is still changing comes first, for it is what a newer revision may have to mend.
 */
export function holdsOf(input: HoldInput): TargetPlan["holds"] {
  const { view, expected, isStill, isLongAgo } = input;
  const { count, ...parts } = partsOf(view, expected);
  const [late, busy] = [namesOf(parts.late), namesOf(parts.busy)];
  // One that was only told another cap has nothing to mend, while pods of the other are down.
  const changing = namesOf(
    parts.busy.filter((each) => isBusy({ ...each, isObserved: true }, view, expected.key)),
  );
  const next = changing[0] ?? busy[0] ?? late[0];
  if (count < 2 || late.length === 0) return undefined;
  const isAnyMoved = busy.length === 0 && !isSettled(view, { key: expected.key, isLongAgo });
  const isHeldAll = isStill || isAnyMoved || (!isLongAgo && areOthersDown(input, next));
  return ({ object, version = BASE }) =>
    object.kind === "DaemonSet" && late.includes(version) && (isHeldAll || version !== next);
}

/**
 * Hosts that were just moved may start their pods: nothing else goes down meanwhile. Later, what others than the next
 * one lack holds nothing up any more: it may be that only the new revision ends that.
 */
const areOthersDown = ({ view, expected: { key } }: HoldInput, next: string | undefined): boolean =>
  daemonSetsOf(view).some((one) => partOf(one) !== next && missingOf(one, view, key) > 0);
