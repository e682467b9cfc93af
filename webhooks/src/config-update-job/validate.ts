// SPDX-License-Identifier: Apache-2.0
import { configFaults, configHazards, type ConfigSpec } from "@longshore/crds/operations";
import type { ReviewRequest, Verdict } from "../review.ts";
import { createJobRule } from "../job-rule.ts";
import { jobChange } from "../job-change.ts";

/** Judges a ConfigUpdateJob: one field a key, and values that are nothing else. */
export function createConfigRule({
  isStrict,
}: {
  readonly isStrict: boolean;
}): (request: ReviewRequest) => Verdict {
  return createJobRule<ConfigSpec>(
    {
      faults: configFaults,
      hazards: configHazards,
      change: jobChange,
    },
    isStrict,
  );
}
