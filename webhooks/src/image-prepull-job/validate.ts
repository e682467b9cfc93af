// SPDX-License-Identifier: Apache-2.0
import { prePullFaults, prePullHazards, type PrePullTemplate } from "@longshore/crds/operations";
import { jobChange } from "../job-change.ts";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createJobRule } from "../job-rule.ts";

interface PrePullSpec {
  readonly imagePrePullTemplate?: PrePullTemplate;
}

/** Judges an ImagePrePullJob of both versions. */
export function createPrePullRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createJobRule<PrePullSpec>(
    {
      faults: ({ imagePrePullTemplate }) => prePullFaults(imagePrePullTemplate),
      hazards: ({ imagePrePullTemplate }) => prePullHazards(imagePrePullTemplate),
      change: (before, after) => jobChange(before.imagePrePullTemplate, after.imagePrePullTemplate),
    },
    isStrict,
  );
}
