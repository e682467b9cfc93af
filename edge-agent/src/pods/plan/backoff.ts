// SPDX-License-Identifier: Apache-2.0

/** The restart curve. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
  /** A run at least this long clears the history. */
  readonly resetAfterMs: number;
}

/** A kubelet's restart curve: at once, then 10 s, 20 s … 5 min; a run of 10 minutes starts over. */
export const RESTART_BACKOFF: BackoffOptions = { baseMs: 10_000, capMs: 300_000, resetAfterMs: 600_000 };

/** Restart history of one container. `failures` counts exits since the last clear. */
export interface RestartHistory {
  /** attempt of the last exit that was counted */
  readonly attempt: number;
  readonly failures: number;
  /** wall clock of that exit as the agent saw it; only used after an agent restart, clamped */
  readonly seenAtMs: number;
}

/** Delay before the restart that follows the `failures`-th exit, failures >= 1. */
export function restartDelayMs(failures: number, o: BackoffOptions = RESTART_BACKOFF): number {
  if (failures <= 1) return 0;
  return Math.min(o.capMs, o.baseMs * 2 ** Math.min(failures - 2, 30));
}

/** Counts an exit once. Returns the same object when this attempt was counted already. */
export function noteExit(
  history: RestartHistory | undefined,
  exit: { readonly attempt: number; readonly ranForMs: number; readonly nowMs: number },
  o: BackoffOptions = RESTART_BACKOFF,
): RestartHistory {
  if (history && history.attempt >= exit.attempt) return history;
  const before = history && exit.ranForMs < o.resetAfterMs ? history.failures : 0;
  return { attempt: exit.attempt, failures: before + 1, seenAtMs: exit.nowMs };
}

/** What is left to wait after an agent restart, when only the wall clock is known. Within [0, delay]. */
export function remainingMs(
  history: RestartHistory,
  nowWallMs: number,
  o: BackoffOptions = RESTART_BACKOFF,
): number {
  const delay = restartDelayMs(history.failures, o);
  return Math.min(delay, Math.max(0, delay - Math.max(0, nowWallMs - history.seenAtMs)));
}
