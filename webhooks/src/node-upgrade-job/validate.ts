// SPDX-License-Identifier: Apache-2.0
import {
  isSameJob,
  schemas as current,
  SPEC_IS_FIXED,
  upgradeFaults,
  upgradeHazards,
  type UpgradeSpec,
} from "@longshore/crds/operations";
import { schemas as old } from "@longshore/crds/operations/v1alpha1";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createSpecRule } from "../spec-rule.ts";

/** Judges a NodeUpgradeJob as KubeEdge's webhook does, of both versions, and warns of what it lets through. */
export function createUpgradeRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createSpecRule<UpgradeSpec>(
    {
      schemas: { v1alpha2: current["NodeUpgradeJob"], v1alpha1: old["NodeUpgradeJob"] },
      faults: upgradeFaults,
      hazards: upgradeHazards,
      change: (before, after) =>
        isSameJob(before, after)
          ? "same"
          : { faults: [{ field: "spec", message: SPEC_IS_FIXED }], hazards: [] },
    },
    isStrict,
  );
}
