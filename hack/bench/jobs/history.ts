// SPDX-License-Identifier: Apache-2.0

/** A job as far as its course goes. */
export interface JobVersion {
  readonly metadata: { readonly resourceVersion?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly nodeStatus?: readonly { readonly phase?: string }[];
  };
}

/** What all versions of a job's status, one after the other, tell. */
export interface JobCourse {
  /** Versions of it. */
  readonly versions: number;
  /** The most nodes that were InProgress in one of them. */
  readonly maxInProgress: number;
  /** Nodes by phase, in the last of them. */
  readonly phases: Readonly<Record<string, number>>;
  /** Completed, Failure, or nothing yet. */
  readonly end: string;
}

export const NOTHING_YET: JobCourse = { versions: 0, maxInProgress: 0, phases: {}, end: "" };

const ENDS = new Set(["Completed", "Failure"]);

/** Adds the next version to what was seen before. */
export function follow(before: JobCourse, { status }: JobVersion): JobCourse {
  const phases: Record<string, number> = {};
  for (const { phase = "" } of status?.nodeStatus ?? []) phases[phase] = (phases[phase] ?? 0) + 1;
  const phase = status?.phase ?? "";
  return {
    versions: before.versions + 1,
    maxInProgress: Math.max(before.maxInProgress, phases["InProgress"] ?? 0),
    phases,
    end: ENDS.has(phase) ? phase : "",
  };
}
