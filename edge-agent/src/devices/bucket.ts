// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** How many a second, and how many at once. */
export interface BucketOptions {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket of each key. Answers whether one more may pass. The caller bounds the number of keys. */
export function createBuckets(clock: Clock, { perSecond, burst }: BucketOptions): (key: string) => boolean {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return (key) => {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    buckets.set(key, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };
}
