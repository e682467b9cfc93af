// SPDX-License-Identifier: Apache-2.0

/** Times of the launcher. */
export interface LauncherOptions {
  /** How often the trial's file is read while an agent is on trial. */
  readonly pollMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** First and longest pause before an agent that ended is started again. */
  readonly restartMs: number;
  readonly restartMaxMs: number;
  /** An agent that ran so long was well: the pauses begin anew. */
  readonly calmMs: number;
}

/** For machines as they are; each is an option of the command line. */
export const DEFAULT_LAUNCHER: LauncherOptions = {
  pollMs: 250,
  graceMs: 30_000,
  restartMs: 1_000,
  restartMaxMs: 30_000,
  calmMs: 60_000,
};
