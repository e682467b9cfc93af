// SPDX-License-Identifier: Apache-2.0

/** How to take back a change of the agent, in the order given. Each is idempotent. */
export type Undo =
  /** The pointer to the slot that runs goes back. */
  | { readonly do: "slot"; readonly slot: string }
  /** The file gets the bytes of its backup back. */
  | { readonly do: "file"; readonly path: string; readonly backup: string; readonly sha256: string }
  /**
   * The agent's SQLite file becomes its backup again, where the agent of before cannot read it: its `user_version` is now
   * greater than `schema`, or it is damaged. Else it stays as it is.
   */
  | {
      readonly do: "store";
      readonly path: string;
      readonly backup: string;
      readonly sha256: string;
      readonly schema: number;
    };

/**
 * A change of the agent on trial: durable before the change is made, judged by the next start. While there is one,
 * the launcher counts the starts and the seconds; it takes the change back when the agent does not come to say that it
 * is well. One file, replaced as a whole, in the agent's folder.
 */
export interface Trial {
  /** Whose: `<job uid>/<attempt>` */
  readonly id: string;
  /**
   * prepared: the change may or may not have been made. trying: an agent was started with it. confirmed: that agent is
   * well. rolled-back: every undo was done. The job that made it removes the file when it has stored the outcome.
   */
  readonly state: "prepared" | "trying" | "confirmed" | "rolled-back";
  /** Starts with the change so far. */
  readonly starts: number;
  readonly maxStarts: number;
  /** Time from a start until the agent must have said that it is well. */
  readonly healthTimeoutMs: number;
  readonly undo: readonly Undo[];
  /** The container runtime must be healthy for the agent to be well: it was before the change. Absent: it need not. */
  readonly runtimeWasHealthy?: boolean;
  /** Why it was rolled back, for people; beside `trying`: why it is being rolled back, which a power cut interrupted. */
  readonly reason?: string;
  /** End of what the agent on trial wrote. */
  readonly log?: string;
}

/** It has no verdict yet: no other change of the agent may begin. One that has may be all that its job left. */
export const isPending = ({ state }: Pick<Trial, "state">): boolean =>
  state === "prepared" || state === "trying";

/** Default time for a new agent to be well (reliability R35). */
export const HEALTH_TIMEOUT_MS = 120_000;
export const MAX_STARTS = 3;
