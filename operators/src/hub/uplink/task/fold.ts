// SPDX-License-Identifier: Apache-2.0
import { REPORT_LIMITS, type NodeTaskReportAction, type TaskAddress } from "@longshore/crds/tasks";
import type { Report, Step, Told, WholeTask } from "./told.ts";

/** What a node told and is not stored yet. The newest whole task takes the place of all before it. */
export interface Pending {
  readonly whole?: WholeTask;
  readonly steps: readonly Step[];
}

export const NOTHING_TOLD: Pending = { steps: [] };
/** Steps and events of one task are few; a node that repeats itself does not fill the memory. */
const MAX_STEPS = 16;

export function tell({ whole, steps }: Pending, told: Told): Pending {
  if (told.whole !== undefined) return { whole: told.whole, steps: [] };
  if (told.step === undefined) return { ...(whole && { whole }), steps };
  return { ...(whole && { whole }), steps: [...steps, told.step].slice(-MAX_STEPS) };
}

/** `older` was not stored, and `newer` came meanwhile. */
export const join = (older: Pending, newer: Pending): Pending =>
  newer.whole === undefined
    ? {
        ...(older.whole && { whole: older.whole }),
        steps: [...older.steps, ...newer.steps].slice(-MAX_STEPS),
      }
    : newer;

/** The job that a report is about, as the API server has it. */
export interface JobFacts {
  readonly uid: string;
  readonly attempt: number;
}

/** The report as it is to be stored. @param stored undefined when there is none, or it is not needed */
export function fold(
  { kind, job, node }: TaskAddress,
  { uid, attempt }: JobFacts,
  told: { readonly stored: Report | undefined; readonly pending: Pending },
): Report {
  const { whole, steps } = told.pending;
  const head = { jobKind: kind, jobName: job, jobUid: uid, nodeName: node };
  if (whole !== undefined) {
    const report = { ...head, attempt: whole.attempt ?? attempt, ...whole.details };
    return steps.reduce(withStep, report);
  }
  const { stored } = told;
  // An earlier attempt is over: its steps are not this one's.
  const isSame = stored !== undefined && stored.attempt >= attempt;
  return steps.reduce(withStep, isSame ? stored : { ...head, attempt });
}

function withStep(report: Report, { action, details }: Step): Report {
  return {
    ...report,
    ...details,
    ...(action !== undefined && { actions: withAction(report.actions ?? [], action) }),
  };
}

/** A step that is told again takes its own place. */
function withAction(
  actions: readonly NodeTaskReportAction[],
  told: NodeTaskReportAction,
): NodeTaskReportAction[] {
  const at = actions.findIndex(({ action }) => action === told.action);
  return at < 0 ? [...actions, told].slice(-REPORT_LIMITS.actions) : actions.with(at, told);
}
