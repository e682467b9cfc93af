// SPDX-License-Identifier: Apache-2.0
import { planRun } from "./run.ts";
import { planTeardown } from "./teardown.ts";
import type { Plan, PlanInput } from "./types.ts";

/**
 * The whole decision about one pod: what is wanted × what the runtime has × what is remembered → what
 * to do now, and when to look again. Pure; the worker executes the actions in order and plans anew.
 */
export function plan(input: PlanInput): Plan {
  switch (input.want) {
    case "keep":
      return { actions: [] };
    case "run":
      return planRun(input);
    case "delete":
    case "gone":
      return planTeardown(input);
  }
}
