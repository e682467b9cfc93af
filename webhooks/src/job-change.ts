// SPDX-License-Identifier: Apache-2.0
import { isSameJob, SPEC_IS_FIXED } from "@longshore/crds/operations";
import type { Change } from "./spec-rule.ts";

/** A job is carried out as it was accepted: nodes that have ended would never follow a change. */
export const jobChange = (before: object | undefined, after: object | undefined): Change =>
  isSameJob(before, after) ? "same" : { faults: [{ field: "spec", message: SPEC_IS_FIXED }], hazards: [] };
