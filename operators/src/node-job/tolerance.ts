// SPDX-License-Identifier: Apache-2.0
import type { Job, JobStatus, Task } from "./port.ts";

/** A node counts as failed when it did, or is silent; what a newer job does on it instead is no failure. */
export const isFailed = ({ phase, supersededBy }: Task): boolean =>
  (phase === "Failure" || phase === "Unknown") && supersededBy === undefined;

export const isEndedTask = ({ phase }: Task): boolean => phase !== "Pending" && phase !== "InProgress";

/**
 * Whether more nodes failed than the job tolerates: KubeEdge's rule, the share rounded half up to two decimals.
 * In whole numbers, for 0.285 * 100 is less than 28.5; a tolerance that is no number tolerates nothing.
 */
export const exceeds = ({ tolerate }: Pick<Job, "tolerate">, failed: number, total: number): boolean =>
  failed > 0 && !(Math.floor((failed * 200 + total) / (2 * total)) / 100 <= tolerate);

/** KubeEdge's words. */
export const exceededReason = (failed: number, total: number): string =>
  `the number of failed nodes is ${failed}/${total}, which exceeds the failure tolerance threshold`;

/** The job was stopped by its tolerance before: that stays, whatever late reports say, until its nodes try again. */
export const wasStopped = (status: JobStatus | undefined): boolean =>
  (status?.conditions ?? []).some(
    ({ type, status: value, reason }) =>
      type === "Failed" && value === "True" && reason === "ToleranceExceeded",
  );
