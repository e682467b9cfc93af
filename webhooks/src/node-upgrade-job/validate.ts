// SPDX-License-Identifier: Apache-2.0
import {
  isSameJob,
  SPEC_IS_FIXED,
  upgradeFaults,
  upgradeHazards,
  type UpgradeSpec,
} from "@longshore/crds/operations";
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
