// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication, Owner } from "@longshore/crds/apps";
import type { Clock, Log } from "../../runtime/index.ts";
import type { HostLabels } from "./host-labels.ts";
import { plainStep } from "./plain.ts";
import type { Metrics, PrePull, Revisions, Rollout, RolloutInput, RolloutStep } from "./port.ts";
import { renderedSpecOf, type Rendering } from "./rendering.ts";

export {
  createHostLabels,
  versionKeysOf,
  type HostLabel,
  type HostLabels,
  type HostLabelsDeps,
} from "./host-labels.ts";
export { REVISION } from "./port.ts";
export type { Metrics, PrePull, Revisions, Rollout, RolloutInput, RolloutStep, TargetPlan } from "./port.ts";
export type { NodeView, TargetView, Words, WorkloadView } from "./port.ts";
export type { Rendering } from "./rendering.ts";

export interface RolloutDeps {
  readonly clock: Pick<Clock, "wallMs">;
  readonly log: Log;
  readonly revisions: Revisions;
  readonly prePull: PrePull;
  readonly metrics: Metrics;
  readonly hosts: HostLabels;
  /** `{ targetsOf, renderTarget, imagesOf, versionLabel }` of `@longshore/crds/apps`. */
  readonly rendering: Rendering;
}

/** Rollouts of all applications. All state is in their status; what is kept here only bridges a late cache. */
export function createRollout(deps: RolloutDeps): Rollout {
  return {
    step: (input, signal) => plain(deps, input, signal),
    async forget(app, signal) {
      await unlabel(deps, app, signal);
      await deps.prePull.clean(app, undefined, signal);
    },
  };
}

async function plain(
  deps: RolloutDeps,
  { app, groups }: RolloutInput,
  signal: AbortSignal,
): Promise<RolloutStep> {
  await unlabel(deps, ownerOf(app), signal);
  const spec = renderedSpecOf(app.spec);
  return plainStep(spec, deps.revisions.nameOf(spec), { groups, targetsOf: deps.rendering.targetsOf });
}

async function unlabel(
  { hosts, rendering }: Pick<RolloutDeps, "hosts" | "rendering">,
  app: Owner,
  signal: AbortSignal,
): Promise<void> {
  const key = rendering.versionLabel(app);
  for (const { node } of hosts.labelled(key)) await hosts.set(key, { node }, signal);
}

const ownerOf = ({ metadata: { name, namespace = "", uid } }: EdgeApplication): Owner => ({
  name,
  namespace,
  uid,
});
