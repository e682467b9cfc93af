// SPDX-License-Identifier: Apache-2.0
import { REPORT_LIMITS } from "@longshore/crds/tasks";
import type { StepOutcome } from "../port.ts";
import { MAX_CONFIG_BYTES } from "./backup.ts";
import type { ConfigSteps } from "./deps.ts";
import { readState, type FileState } from "./disk.ts";
import { editConfig, EditError, type Edited } from "./edit.ts";
import type { Change } from "./spec.ts";

/** The file that is changed, links followed, and what a job makes of it now. */
export interface Planned {
  readonly path: string;
  readonly state: FileState;
  readonly edited: Edited;
}

/** @throws {EditError}; Node's error when the file cannot be read */
export function planChange(changes: readonly Change[], { disk, file }: ConfigSteps): Planned {
  const path = disk.realPath(file);
  const state = readState(disk, path, MAX_CONFIG_BYTES);
  return { path, state, edited: editConfig(state.bytes.toString("utf8"), changes, file) };
}

/** Everything that can be known before anything is written. */
export function check(changes: readonly Change[], steps: ConfigSteps): StepOutcome {
  if (steps.agentDir === undefined)
    return unchanged(
      "this agent was not started by its launcher: nobody would take the change back if the agent did not start with it",
    );
  const fault = faultOf(() => planChange(changes, steps));
  return fault === undefined ? { ok: true } : unchanged(fault);
}

/** Nothing was written. */
export const unchanged = (reason: string): Extract<StepOutcome, { readonly ok: false }> => ({
  ok: false,
  reason: reason.slice(0, REPORT_LIMITS.reasonChars),
  unchanged: true,
});

function faultOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof EditError ? error.message : `the configuration file cannot be read`;
  }
}
