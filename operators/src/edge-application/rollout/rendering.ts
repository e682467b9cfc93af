// SPDX-License-Identifier: Apache-2.0
import type {
  Child,
  EdgeApplicationSpec,
  GroupFacts,
  Owner,
  Rendered,
  RenderedSpec,
  RenderTargetInput,
  Target,
} from "@longshore/crds/apps";

/** What rollouts need of the contract's pure rendering; functions of the same names in `@longshore/crds/apps`. */
export interface Rendering {
  readonly targetsOf: (
    scope: RenderedSpec["workloadScope"],
    groups: readonly GroupFacts[],
  ) => { readonly targets: readonly Target[] };
  readonly renderTarget: (input: RenderTargetInput) => Rendered;
  readonly imagesOf: (children: readonly Child[]) => readonly string[];
  readonly versionLabel: (owner: Owner) => string;
}

/** What of a spec is deployed: order, speed and checks are none of it, so that editing them starts no rollout. */
export function renderedSpecOf({
  workloadScope,
  workloadTemplate,
  rollout,
}: EdgeApplicationSpec): RenderedSpec {
  const versions = rollout?.versions ?? [];
  return {
    workloadScope,
    ...(workloadTemplate && { workloadTemplate }),
    ...(rollout && { rollout: versions.length > 0 ? { versions } : {} }),
  };
}
