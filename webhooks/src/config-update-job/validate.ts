// SPDX-License-Identifier: Apache-2.0
import { configFaults, configHazards, isSameJob, type ConfigSpec } from "@longshore/crds/operations";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createSpecRule } from "../spec-rule.ts";
import { LATE_CHANGE } from "../late-change.ts";

/** Judges a ConfigUpdateJob: one field a key, and values that are nothing else. */
export function createConfigRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createSpecRule<ConfigSpec>(
    {
      faults: configFaults,
      hazards: configHazards,
      change: (before, after) => (isSameJob(before, after) ? "same" : LATE_CHANGE),
    },
    isStrict,
  );
}
