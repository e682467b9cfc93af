// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock } from "../../../runtime/clock.ts";
import { ApiError } from "../../../runtime/errors.ts";

export interface RetryOptions {
  /** Calls in all. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** No further attempt starts after so long; an edge waits 60 s for its reply. */
  readonly deadlineMs: number;
}

export const defaultRetry: RetryOptions = { attempts: 5, baseMs: 200, capMs: 5_000, deadlineMs: 45_000 };

/**
 * Repeats a call of the API server while it fails for a passing reason (no answer, 429, 5xx), with doubled, fully
 * jittered delays or the server's own Retry-After.
 *
 * @throws what the last attempt threw
 */
export async function withRetry<T>(
  call: () => Promise<T>,
  { clock, signal, options }: { clock: Clock; signal: AbortSignal; options: RetryOptions },
): Promise<T> {
  const startMs = clock.nowMs();
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const delayMs = delayOf(error, attempt, options);
      const isLate = clock.nowMs() - startMs + (delayMs ?? 0) > options.deadlineMs;
      if (delayMs === undefined || attempt >= options.attempts || isLate || signal.aborted) throw error;
      await pause(clock, delayMs, signal);
      if (isAborted(signal)) throw error;
    }
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

function delayOf(error: unknown, attempt: number, options: RetryOptions): number | undefined {
  if (!(error instanceof ApiError) || !error.retryable) return undefined;
  const askedMs = (error.status.details?.retryAfterSeconds ?? 0) * 1000;
  const backoffMs = Math.random() * Math.min(options.capMs, options.baseMs * 2 ** (attempt - 1));
  return Math.max(askedMs, backoffMs);
}
