// SPDX-License-Identifier: Apache-2.0
import { isSameJob, prePullFaults, prePullHazards, type PrePullTemplate } from "@longshore/crds/operations";
import { LATE_CHANGE } from "../late-change.ts";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createSpecRule } from "../spec-rule.ts";

interface PrePullSpec {
  readonly imagePrePullTemplate?: PrePullTemplate;
}

/** Judges an ImagePrePullJob of both versions. */
export function createPrePullRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createSpecRule<PrePullSpec>(
    {
      faults: ({ imagePrePullTemplate }) => prePullFaults(imagePrePullTemplate),
      hazards: ({ imagePrePullTemplate }) => prePullHazards(imagePrePullTemplate),
      change: (before, after) =>
        isSameJob(before.imagePrePullTemplate, after.imagePrePullTemplate) ? "same" : LATE_CHANGE,
    },
    isStrict,
  );
}
