// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** Says how long a key has to wait before its next turn. Keeps an entry a failing key until `forget`. */
export interface RateLimiter {
  /** Counts one more failure. @returns delay in milliseconds */
  when(key: string): number;
  forget(key: string): void;
  failures(key: string): number;
}

export interface ExponentialOptions {
  /** Default 5 ms. */
  readonly baseMs?: number;
  /** Default 1000 s; choose less where a person or a device waits. */
  readonly capMs?: number;
  /** 0..1: the delay is lowered by up to this share, so that keys that failed together part. Default 0. */
  readonly jitter?: number;
  readonly random?: () => number;
}

/** base × 2^failures, at most cap: the curve and the defaults of client-go; jitter is ours. */
export function createExponentialLimiter(options: ExponentialOptions = {}): RateLimiter {
  const { baseMs = 5, capMs = 1_000_000, jitter = 0, random = Math.random } = options;
  if (baseMs > capMs) throw new RangeError(`baseMs ${baseMs} is above capMs ${capMs}`);
  const counts = new Map<string, number>();
  return {
    when(key) {
      const failures = counts.get(key) ?? 0;
      counts.set(key, failures + 1);
      return Math.min(capMs, baseMs * 2 ** failures) * (1 - jitter * random());
    },
    forget: (key) => void counts.delete(key),
    failures: (key) => counts.get(key) ?? 0,
  };
}

export interface BucketOptions {
  readonly clock: Clock;
  /** Default 10 a second. */
  readonly perSecond?: number;
  /** Default 100. */
  readonly burst?: number;
}

/** One token bucket over all keys; each call takes a token, if need be one of the future. */
export function createBucketLimiter({ clock, perSecond = 10, burst = 100 }: BucketOptions): RateLimiter {
  let tokens = burst;
  let countedAtMs = clock.nowMs();
  return {
    when() {
      const nowMs = clock.nowMs();
      tokens = Math.min(burst, tokens + ((nowMs - countedAtMs) / 1000) * perSecond) - 1;
      countedAtMs = nowMs;
      return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000;
    },
    forget: () => undefined,
    failures: () => 0,
  };
}

/** The longest delay that any of them asks for. */
export function createMaxOfLimiter(...limiters: readonly RateLimiter[]): RateLimiter {
  return {
    when: (key) => Math.max(...limiters.map((limiter) => limiter.when(key))),
    forget: (key) => limiters.forEach((limiter) => limiter.forget(key)),
    failures: (key) => Math.max(...limiters.map((limiter) => limiter.failures(key))),
  };
}

/** What a classic queue gets by default: per key 5 ms to 1000 s, and 10 a second with bursts of 100 over all. */
export const createClassicLimiter = (clock: Clock): RateLimiter =>
  createMaxOfLimiter(createExponentialLimiter(), createBucketLimiter({ clock }));
