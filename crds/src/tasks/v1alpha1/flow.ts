// SPDX-License-Identifier: Apache-2.0
import type { NodeTaskReportReport } from "./types.gen.ts";

/** Kinds whose orders go to nodes, one task a node. */
export type JobKind = NodeTaskReportReport["jobKind"];

/** What follows a step; absent: the task has ended. */
export interface Step {
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

const table = (steps: Record<string, Step>): Readonly<Record<string, Step>> => steps;

/** Steps of each kind in their order, by KubeEdge's names. */
export const FLOWS: Readonly<Record<JobKind, Readonly<Record<string, Step>>>> = {
  NodeUpgradeJob: table({
    Check: { onSuccess: "WaitingConfirmation" },
    WaitingConfirmation: { onSuccess: "BackUp" },
    BackUp: { onSuccess: "Upgrade" },
    Upgrade: { onFailure: "RollBack" },
    RollBack: {},
  }),
  ImagePrePullJob: table({ Check: { onSuccess: "Pull" }, Pull: {} }),
  ConfigUpdateJob: table({
    Check: { onSuccess: "BackUp" },
    BackUp: { onSuccess: "Update" },
    Update: { onFailure: "RollBack" },
    RollBack: {},
  }),
};

/** First step of every flow, and the operation of KubeEdge's order. */
export const FIRST_STEP = "Check";

/** @returns undefined when the task has ended with this step, or nobody knows the step */
export function nextStep(kind: JobKind, step: string, succeeded: boolean): string | undefined {
  const found = Object.hasOwn(FLOWS[kind], step) ? FLOWS[kind][step] : undefined;
  return succeeded ? found?.onSuccess : found?.onFailure;
}

/** What an event of v1alpha1 is in v1alpha2. */
const STEP_OF_EVENT: Readonly<Record<string, string>> = {
  Check: "Check",
  Confirm: "WaitingConfirmation",
  Backup: "BackUp",
  Upgrade: "Upgrade",
  Upgrading: "Upgrade",
  Rollback: "RollBack",
  Pull: "Pull",
};

/** The step that an event of v1alpha1 tells of; undefined for Init and TimeOut, which are none in v1alpha2. */
export const stepOfEvent = (event: string): string | undefined =>
  Object.hasOwn(STEP_OF_EVENT, event) ? STEP_OF_EVENT[event] : undefined;

export const isStep = (kind: JobKind, step: string): boolean => Object.hasOwn(FLOWS[kind], step);
