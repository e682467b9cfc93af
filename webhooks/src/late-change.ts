// SPDX-License-Identifier: Apache-2.0
import type { Change } from "./spec-rule.ts";

/** A job of a kind whose spec KubeEdge lets be changed, to no effect. */
export const LATE_CHANGE: Change = {
  faults: [],
  hazards: [{ field: "spec", message: "nodes that have begun do not follow a change; create another job" }],
};
