// SPDX-License-Identifier: Apache-2.0
import { upgradeFaults, upgradeHazards, type UpgradeSpec } from "@longshore/crds/operations";
import { jobChange } from "../job-change.ts";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createJobRule } from "../job-rule.ts";

/** Judges a NodeUpgradeJob as KubeEdge's webhook does, of both versions, and warns of what it lets through. */
export function createUpgradeRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createJobRule<UpgradeSpec>(
    {
      faults: upgradeFaults,
      hazards: upgradeHazards,
      change: jobChange,
    },
    isStrict,
  );
}
