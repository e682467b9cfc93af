// SPDX-License-Identifier: Apache-2.0
import {
  PROTECTED,
  type EdgeApplication,
  type GroupFacts,
  type Target,
  type Targets,
} from "@longshore/crds/apps";
import type { Outcome } from "./apply/applier.ts";
import type { TrimmedChild } from "./apply/child.ts";
import type { Pruned } from "./prune/pruner.ts";
import type { Plan, Wanted } from "./plan.ts";
import { versionOf } from "./resources.ts";
import type { NodeView, RolloutStep } from "./rollout/index.ts";
import type { Observed, ObservedChild, ObservedTarget } from "./status/observed.ts";

export interface ObserveInput {
  readonly app: EdgeApplication;
  readonly step: RolloutStep;
  readonly plan: Plan;
  readonly outcomes: readonly Outcome[];
  readonly pruned: Pruned;
  readonly scope: Targets;
  readonly groups: readonly GroupFacts[];
  readonly nodesOf: (target: Target) => readonly NodeView[];
  /** What stands where something is held back. */
  readonly childOf: (wanted: Wanted) => TrimmedChild | undefined;
}

/** Puts together what the status is made of. */
export function observe(input: ObserveInput): Observed {
  const { app, step, plan, outcomes, pruned, scope } = input;
  return {
    generation: app.metadata.generation ?? 0,
    namespace: app.metadata.namespace ?? "",
    spec: app.spec,
    children: [...outcomes.map(childOf), ...plan.held.map((held) => heldOf(held, input.childOf(held)))],
    faults: plan.faults,
    notes: plan.notes,
    scopeFaults: scope.faults.map(({ message }) => message),
    pruneFaults: pruned.faults,
    targets: targetsIn(input),
    ...(step.status !== undefined && { rollout: step.status }),
    rolloutConditions: step.conditions,
  };
}

function childOf({ wanted, resource, child, fault }: Outcome): ObservedChild {
  return {
    ...placeOf(wanted, child),
    ...(resource !== undefined && { resource: resource.plural }),
    isApplied: fault === undefined,
    ...(fault !== undefined && { fault }),
  };
}

const heldOf = (wanted: Wanted, child: TrimmedChild | undefined): ObservedChild => ({
  ...placeOf(wanted, child),
  isApplied: false,
});

const placeOf = (
  { ref, apiVersion, ordinal, target }: Wanted,
  child: TrimmedChild | undefined,
): Omit<ObservedChild, "isApplied"> => ({
  ...{ ref, version: versionOf(apiVersion), ordinal, exists: child !== undefined },
  ...(target !== undefined && { target }),
  ...(child?.facts && { facts: child.facts }),
});

/** Those that have something now, and those that wait for their turn. */
function targetsIn({ step, scope, groups, nodesOf }: ObserveInput): readonly ObservedTarget[] {
  const known = new Map(groups.map(({ name, labels }) => [name, labels]));
  const planned = new Set(step.targets.map(({ target }) => target.name));
  const waiting = scope.targets.filter(({ name }) => !planned.has(name));
  const entryOf = (target: Target, revision?: string): ObservedTarget => {
    const nodes = nodesOf(target);
    const labels = target.group === undefined ? {} : known.get(target.group);
    return {
      ...{
        name: target.name,
        nodes: nodes.length,
        readyNodes: nodes.filter(({ isReady }) => isReady).length,
      },
      isMissing: labels === undefined,
      isProtected: labels?.[PROTECTED] === "true",
      ...(revision !== undefined && { revision }),
    };
  };
  return [
    ...step.targets.map(({ target, revision }) => entryOf(target, revision)),
    ...waiting.map((target) => entryOf(target)),
  ];
}
