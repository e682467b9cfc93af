// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication, Owner, RenderedSpec } from "@longshore/crds/apps";
import type { Clock, Log } from "../../runtime/index.ts";
import { inParallel } from "../parallel.ts";
import { noCounters, type RolloutCounters } from "./counters.ts";
import type { HostLabels } from "./host-labels.ts";
import { createMemory } from "./memory.ts";
import { plainStep } from "./plain.ts";
import type { Metrics, PrePull, Revisions, Rollout, RolloutInput, RolloutStep } from "./port.ts";
import { renderedSpecOf, type Rendering } from "./rendering.ts";
import { rolloutStep } from "./step.ts";

export {
  createHostLabels,
  versionKeysOf,
  type HostLabel,
  type HostLabels,
  type HostLabelsDeps,
} from "./host-labels.ts";
export { createRolloutCounters, type RolloutCounters } from "./counters.ts";
export { sweepRollouts } from "./sweep.ts";
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
  /** Applications whose last step is remembered; default 10,000. */
  readonly maxApplications?: number;
  /** After this a DaemonSet that counts less than its hosts is taken to mean only some of them; default 30 s. */
  readonly settleMs?: number;
  /** When a host that could not be labelled is tried again; default 10 s. */
  readonly retryMs?: number;
  /** A step waits so long for Prometheus' answer, and looks for it in the next one; default 250 ms. */
  readonly answerWaitMs?: number;
  /** Labels of hosts that are written at once; default 8. */
  readonly labelConcurrency?: number;
  /** Absent: nothing is counted. */
  readonly counters?: RolloutCounters;
}

const DEFAULTS = {
  ...{ maxApplications: 10_000, settleMs: 30_000, retryMs: 10_000, answerWaitMs: 250 },
  ...{ labelConcurrency: 8, counters: noCounters },
} as const;

/** Rollouts of all applications. All state is in their status; what is kept here only bridges a late cache. */
export function createRollout(given: RolloutDeps): Rollout {
  const deps = { ...DEFAULTS, ...given };
  const memory = createMemory(deps.maxApplications);
  return {
    async step(input, signal) {
      const { app } = input;
      const { rollout } = app.spec;
      const spec = renderedSpecOf(app.spec);
      if (rollout === undefined) {
        memory.forget(app.metadata.uid);
        return plain(deps, input, { spec, signal });
      }
      const entry = memory.of(app.metadata.uid, deps.clock.wallMs());
      return rolloutStep(deps, { input, rollout, spec, entry }, signal);
    },
    async forget(app, signal) {
      memory.forget(app.uid);
      await unlabel(deps, app, signal);
      await deps.prePull.clean(app, undefined, signal);
    },
  };
}

type Deps = RolloutDeps & Pick<Required<RolloutDeps>, "labelConcurrency" | "counters">;

async function plain(
  deps: Deps,
  { app, groups }: RolloutInput,
  { spec, signal }: { readonly spec: RenderedSpec; readonly signal: AbortSignal },
): Promise<RolloutStep> {
  await unlabel(deps, ownerOf(app), signal);
  if (app.status?.rollout !== undefined) {
    // There was a rollout section until now.
    await deps.prePull.clean(ownerOf(app), undefined, signal);
    await deps.revisions.trim(app, [], 0, signal);
  }
  return plainStep(spec, deps.revisions.nameOf(spec), { groups, targetsOf: deps.rendering.targetsOf });
}

async function unlabel(
  { hosts, rendering, labelConcurrency, counters }: Deps,
  app: Owner,
  signal: AbortSignal,
): Promise<void> {
  const key = rendering.versionLabel(app);
  await inParallel(hosts.labelled(key), labelConcurrency, async ({ node }) => {
    await hosts.set(key, { node }, signal);
    counters.hostLabel("written");
  });
}

const ownerOf = ({ metadata: { name, namespace = "", uid } }: EdgeApplication): Owner => ({
  name,
  namespace,
  uid,
});
