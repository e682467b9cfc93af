// SPDX-License-Identifier: Apache-2.0
import type { Target } from "@longshore/crds/apps";
import type { Assignment } from "./assignment.ts";
import type { HostLabel } from "./host-labels.ts";
import { awayOfChanging, holdsOf, movesOf, strayHosts } from "./hosts.ts";
import { capOf, type Policy } from "./policy.ts";
import type { RolloutStep, TargetPlan, TargetView } from "./port.ts";
import type { World } from "./world.ts";

export interface MovementInput {
  readonly world: World;
  readonly policy: Policy;
  readonly assignment: Assignment;
  /** Nothing more is begun. */
  readonly isStill: boolean;
  /** DaemonSets wait no longer for one another. */
  readonly isOverdue: boolean;
  readonly isLongAgo: (target: string) => boolean;
}

interface Assigned {
  readonly target: Target;
  readonly revision: string;
  readonly view: TargetView;
}

function assignedOf({ world, assignment }: MovementInput): readonly Assigned[] {
  return [...assignment.revisions].flatMap(([name, revision]) => {
    const target = world.targetsOf(revision)?.get(name);
    return target === undefined ? [] : [{ target, revision, view: world.viewOf(target) }];
  });
}

/** What each target gets now. */
export function plansOf(input: MovementInput): readonly TargetPlan[] {
  const { world, policy } = input;
  return assignedOf(input).flatMap(({ target, revision, view }): TargetPlan[] => {
    const spec = world.specOf(revision);
    if (spec === undefined) return [];
    const cap = capOf(policy.maxUnavailable, view.nodes.length);
    const expected = world.expectedOf(revision, target);
    const { isStill, isOverdue } = input;
    const holds = isOverdue
      ? undefined
      : holdsOf({ view, expected, isStill, isLongAgo: input.isLongAgo(target.name) });
    const maxUnavailable = cap + awayOfChanging(view, expected);
    return [{ target, revision, spec, maxUnavailable, ...(holds && { holds }) }];
  });
}

export interface Move extends HostLabel {
  /** absent: of a host that no target has */
  readonly target?: string;
}

export interface Moves {
  readonly moves: readonly Move[];
  /** Hosts that have to wait. */
  readonly isUnfinished: boolean;
}

/** Hosts whose label is changed now. A host that two targets have belongs to the first. */
export function hostMovesOf(input: MovementInput, labelled: readonly HostLabel[]): Moves {
  const { world, policy, assignment } = input;
  const taken = new Set<string>();
  const moves: Move[] = [];
  let isUnfinished = false;
  for (const { target, revision, view } of assignedOf(input)) {
    const own = view.nodes.filter(({ name }) => !taken.has(name));
    for (const { name } of own) taken.add(name);
    const wanted = world.hostsOf(revision);
    const strays = strayHosts(own, { key: world.key, wanted }).length;
    if (strays === 0 || input.isStill) continue;
    const cap = capOf(policy.maxUnavailable, view.nodes.length);
    const expected = world.expectedOf(revision, target);
    const now = movesOf({
      ...{ view, own, expected, wanted, cap, isOverdue: input.isOverdue },
      isLongAgo: input.isLongAgo(target.name),
    });
    moves.push(...now.map((move) => ({ ...move, target: target.name })));
    isUnfinished ||= now.length < strays;
  }
  // What a target has that stays untouched is not known: then no host is taken for nobody's.
  const nobodys = assignment.untouched.size > 0 ? [] : labelled.filter(({ node }) => !taken.has(node));
  return { moves: [...moves, ...nobodys.map(({ node }) => ({ node }))], isUnfinished };
}

/** Children of no plan that stay. */
export function keepsOf({ world, assignment }: MovementInput): RolloutStep["keeps"] {
  const { revisions, untouched, shared } = assignment;
  const isSharedInUse = untouched.size > 0 || [...revisions.values()].some((revision) => revision !== shared);
  return ({ target: name, version }) => {
    if (name === undefined) return isSharedInUse;
    if (untouched.has(name)) return true;
    const revision = revisions.get(name);
    const target = revision === undefined ? undefined : world.targetsOf(revision)?.get(name);
    if (target === undefined || version === undefined) return false;
    return world.viewOf(target).nodes.some(({ labels }) => labels[world.key] === version);
  };
}
