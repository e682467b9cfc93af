// SPDX-License-Identifier: Apache-2.0
import type { GroupFacts, RenderedSpec } from "@longshore/crds/apps";
import type { RolloutStep } from "./port.ts";
import type { Rendering } from "./rendering.ts";

/** Without `spec.rollout`: every target has the spec as it is, at once, and nothing else stays. */
export function plainStep(
  spec: RenderedSpec,
  revision: string,
  {
    groups,
    targetsOf,
  }: { readonly groups: readonly GroupFacts[]; readonly targetsOf: Rendering["targetsOf"] },
): RolloutStep {
  const { targets } = targetsOf(spec.workloadScope, groups);
  return {
    targets: targets.map((target) => ({ target, revision, spec })),
    shared: { revision, spec },
    keeps: () => false,
    conditions: [],
  };
}
