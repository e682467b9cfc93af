// SPDX-License-Identifier: Apache-2.0

/** How the pauses between dials grow. */
export interface BackoffOptions {
  /** Ceiling of the first delay. Default 1 s: after a hub restart the first redial comes within it. */
  readonly baseMs: number;
  /** Ceiling of every delay. Default 60 s. */
  readonly capMs: number;
  /** A session this long forgets every failure. Default 60 s. */
  readonly resetAfterMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What is known of the attempt that failed. */
export interface DialFailure {
  /** The hub said when to come back. */
  readonly retryAfterMs?: number | undefined;
  /** Nothing listens there: an attempt costs the other side next to nothing. */
  readonly nobodyListens?: boolean;
}

/** Says when to dial again. */
export interface Backoff {
  /** Delay before the next dial, in milliseconds; counts as a failure until a session shows otherwise. */
  nextDelayMs(failure?: DialFailure): number;
  /** A session ended after `healthyMs` of being established. */
  sessionEnded(healthyMs: number): void;
}

/** Shorter sessions say nothing about the hub's health: it may accept and die. */
const PROVEN_AFTER_MS = 2_000;
/** Ceiling while nothing listens, so that a hub is found within 4 s of its start however long it was away. */
const NOBODY_LISTENS_CAP_MS = 4_000;

/**
 * Exponential backoff with full jitter (the delay is uniform between 0 and the ceiling), so that a fleet does not
 * come back at once. A short session that worked keeps the ceiling low: a flapping link is used while it is up.
 */
export function createBackoff(options: BackoffOptions): Backoff {
  let failures = 0;
  const ceilingMs = ({ retryAfterMs, nobodyListens }: DialFailure): number => {
    if (retryAfterMs !== undefined) return Math.max(options.baseMs, retryAfterMs);
    const grownMs = Math.min(options.capMs, options.baseMs * 2 ** Math.min(failures, 30));
    return nobodyListens ? Math.min(grownMs, NOBODY_LISTENS_CAP_MS) : grownMs;
  };
  return {
    nextDelayMs: (failure = {}) => {
      const delayMs = (failure.retryAfterMs ?? 0) + options.random() * ceilingMs(failure);
      failures++;
      return delayMs;
    },
    sessionEnded: (healthyMs) => {
      if (healthyMs >= options.resetAfterMs) failures = 0;
      else if (healthyMs >= PROVEN_AFTER_MS) failures = Math.min(failures, 1);
    },
  };
}
