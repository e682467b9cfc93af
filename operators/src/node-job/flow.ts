// SPDX-License-Identifier: Apache-2.0
import { FLOWS, isStep, nextStep, type JobKind } from "@longshore/crds/tasks";
import type { Task, TaskAction } from "./port.ts";

const ROLL_BACK = "RollBack";
export const WAITING = "WaitingConfirmation";

const ranks = (kind: JobKind): ReadonlyMap<string, number> =>
  new Map(Object.keys(FLOWS[kind]).map((step, rank) => [step, rank]));
const RANKS: Readonly<Record<JobKind, ReadonlyMap<string, number>>> = {
  NodeUpgradeJob: ranks("NodeUpgradeJob"),
  ImagePrePullJob: ranks("ImagePrePullJob"),
  ConfigUpdateJob: ranks("ConfigUpdateJob"),
};
const rankOf = (kind: JobKind, { action }: TaskAction): number => RANKS[kind].get(action) ?? -1;

/** How far these steps go; -1: none was taken. */
export const reachOf = (kind: JobKind, actions: readonly TaskAction[]): number =>
  actions.reduce((reach, action) => Math.max(reach, rankOf(kind, action)), -1);

/**
 * Steps that are known and steps that were told, each once and in the order of the flow, so that reports may come
 * twice, late or in any order. What is known of a step stays; steps that nobody knows are left out.
 */
export function merged(
  kind: JobKind,
  known: readonly TaskAction[],
  told: readonly TaskAction[],
): TaskAction[] {
  const byStep = new Map<string, TaskAction>();
  for (const action of [...known, ...told])
    if (isStep(kind, action.action) && !byStep.has(action.action)) byStep.set(action.action, action);
  return [...byStep.values()].sort((a, b) => rankOf(kind, a) - rankOf(kind, b));
}

/**
 * How a task stands after these steps.
 *
 * @returns "InProgress" where another step follows. A node that was rolled back failed, which KubeEdge calls a success:
 *   it does not have what the job was to bring.
 */
export function outcomeOf(
  kind: JobKind,
  actions: readonly TaskAction[],
): "InProgress" | "Successful" | "Failure" {
  const last = actions.at(-1);
  if (last === undefined) return "InProgress";
  const isSuccess = last.status === "True";
  if (nextStep(kind, last.action, isSuccess) !== undefined) return "InProgress";
  return isSuccess && last.action !== ROLL_BACK ? "Successful" : "Failure";
}

/** Why a task failed, by the step that did. */
export function failureOf(actions: readonly TaskAction[]): string {
  const failed = actions.find(({ status }) => status === "False");
  if (failed === undefined) return "the node was rolled back";
  const why = failed.reason === undefined || failed.reason === "" ? `${failed.action} failed` : failed.reason;
  const back = actions.find(({ action }) => action === ROLL_BACK);
  if (back === undefined) return why;
  return back.status === "True"
    ? `${why} (the node was rolled back)`
    : `${why} (rolling back failed too: ${back.reason ?? "no reason given"})`;
}

/** The node waits for somebody to confirm: that takes as long as it takes. */
export function isWaiting({ phase, actionFlow, event, state }: Task, requireConfirmation: boolean): boolean {
  if (phase !== "InProgress" || !requireConfirmation) return false;
  const last = actionFlow?.at(-1);
  return (last?.action === WAITING && last.status === "True") || (state === "Init" && event === "Confirm");
}
