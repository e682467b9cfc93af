// SPDX-License-Identifier: Apache-2.0

/** Something that a manager runs. */
export interface Runnable {
  /** Runs until the signal aborts; a resolved start has ended, a rejected one stops the whole manager. */
  start(signal: AbortSignal): Promise<void>;
  /** Only on the leader; true unless said otherwise. */
  readonly needsLeaderElection?: boolean;
}
