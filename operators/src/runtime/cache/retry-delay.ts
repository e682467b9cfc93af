// SPDX-License-Identifier: Apache-2.0
import { ApiError, isExpired, isNotFound } from "../errors.ts";
import { createBackoff, type BackoffLimits } from "./backoff.ts";
import { WatchFailure } from "./watch-failure.ts";

export interface RetryDelayOptions {
  /** After what the server answered, and after silence. */
  readonly answered: BackoffLimits;
  /** While no connection comes about, or it breaks. */
  readonly reconnect: BackoffLimits;
  /** The most that Retry-After is believed; default 60 s. */
  readonly maxRetryAfterMs?: number | undefined;
  readonly random?: () => number;
}

/** How long to wait after each failure of one reflector. */
export interface RetryDelay {
  /** @param from what failed: a list, or a watch at a position */
  nextMs(error: unknown, from: "list" | "watch"): number;
  /** The server answered a list. */
  answered(): void;
  /** A watch works: all is well again. */
  worked(): void;
}

/** A missing kind (its CRD is not installed yet) is asked for again after this long, as controller-runtime does. */
const MISSING_KIND_MS = 10_000;
/** Lists after a position that is too old begin within this time; how many there are is limited elsewhere. */
const EXPIRED_SPREAD_MS = 500;
const MAX_RETRY_AFTER_MS = 60_000;
/** Those who were told the same time come back within this long after it. */
const RETRY_AFTER_SPREAD_MS = 1000;

/**
 * Two curves: a server that cannot be reached is looked for often, as an attempt costs nobody anything and its
 * return must be noticed soon; one that answers with a failure is spared.
 */
export function createRetryDelay(o: RetryDelayOptions): RetryDelay {
  const { random = Math.random, maxRetryAfterMs = MAX_RETRY_AFTER_MS } = o;
  const answered = createBackoff({ ...o.answered, random });
  const reconnect = createBackoff({ ...o.reconnect, jitter: "full", random });
  return {
    nextMs(error, from) {
      if (error instanceof WatchFailure && error.reason === "stalled") return 0;
      if (isNotFound(error)) return MISSING_KIND_MS;
      if (isExpired(error) && from === "watch") return random() * EXPIRED_SPREAD_MS;
      if (isUnreachable(error)) return reconnect.nextMs();
      return Math.max(answered.nextMs(), retryAfterMs(error, maxRetryAfterMs, random));
    },
    answered: () => reconnect.reset(),
    worked() {
      reconnect.reset();
      answered.reset();
    },
  };
}

// A server that takes the call and does not answer in time ("Timeout") is overloaded, not away.
const isUnreachable = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 0 && error.reason !== "Timeout";

function retryAfterMs(error: unknown, maxMs: number, random: () => number): number {
  const seconds = error instanceof ApiError ? error.status.details?.retryAfterSeconds : undefined;
  if (seconds === undefined) return 0;
  return Math.min(maxMs, seconds * 1000) + random() * RETRY_AFTER_SPREAD_MS;
}
