// SPDX-License-Identifier: Apache-2.0
import type { Trial } from "../trial/trial.ts";

/** What to do before an agent is started. */
export type Decision =
  /** Nothing is on trial. */
  | { readonly do: "run" }
  /** To be stored, then the agent is started and watched. */
  | { readonly do: "try"; readonly trial: Trial }
  /** To be stored, then every undo is done. */
  | { readonly do: "undo"; readonly trial: Trial };

/** @param isMade something of the change is there to be taken back */
export function decideStart(trial: Trial | undefined, isMade: boolean): Decision {
  if (trial === undefined || trial.state === "confirmed" || trial.state === "rolled-back")
    return { do: "run" };
  // The power went before the change was made: the agent of before makes it again.
  if (trial.state === "prepared" && !isMade) return { do: "run" };
  if (trial.reason !== undefined) return { do: "undo", trial };
  // The agent of before would be well, and be taken for the changed one.
  if (!isMade) return { do: "undo", trial: { ...trial, reason: "what was changed is as it was before" } };
  if (trial.starts < trial.maxStarts)
    return { do: "try", trial: { ...trial, state: "trying", starts: trial.starts + 1 } };
  const reason = `the changed agent was started ${trial.starts} times and was never well`;
  return { do: "undo", trial: { ...trial, state: "trying", reason } };
}

/** How an agent on trial ended. */
export type End =
  | { readonly by: "itself"; readonly code: number | null; readonly signal: string | null }
  /** Its time was over. */
  | { readonly by: "time" }
  /** Somebody stopped the launcher: no verdict, and not a start that counts. */
  | { readonly by: "stop" };

/** @param log end of what it wrote */
export function judge(trial: Trial, end: End, log: string): Trial {
  if (end.by === "stop") return { ...trial, starts: Math.max(0, trial.starts - 1) };
  const told = log === "" ? trial : { ...trial, log };
  if (end.by === "time")
    return { ...told, reason: `the changed agent was not well within ${trial.healthTimeoutMs / 1000} s` };
  if (trial.starts < trial.maxStarts) return told;
  return {
    ...told,
    reason: `the changed agent ${endWords(end)}, start ${trial.starts} of ${trial.maxStarts}`,
  };
}

function endWords({ code, signal }: Extract<End, { by: "itself" }>): string {
  return signal === null ? `ended with exit code ${code ?? "unknown"}` : `was ended by ${signal}`;
}

/** Pause before an agent that ended is started again. @param endsInARow 1 for the first */
export const restartDelayMs = (
  endsInARow: number,
  { restartMs, restartMaxMs }: { readonly restartMs: number; readonly restartMaxMs: number },
): number => Math.min(restartMaxMs, restartMs * 2 ** Math.min(endsInARow - 1, 30));
