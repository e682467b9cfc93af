// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { BucketOptions } from "../../devices/bucket.ts";

/** A token bucket of each key, for keys that clients choose: those that were not used for longest are forgotten. */
export class Rates {
  readonly #clock: Clock;
  readonly #options: BucketOptions & { readonly maxKeys: number };
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();

  constructor(clock: Clock, options: BucketOptions & { readonly maxKeys: number }) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Whether one more may pass. */
  mayPass(key: string): boolean {
    const { perSecond, burst, maxKeys } = this.#options;
    const atMs = this.#clock.monotonicMs();
    const before = this.#buckets.get(key) ?? { tokens: burst, atMs };
    const tokens = Math.min(burst, before.tokens + ((atMs - before.atMs) / 1000) * perSecond);
    const isAllowed = tokens >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, atMs });
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size > maxKeys && oldest.done !== true) this.#buckets.delete(oldest.value);
    return isAllowed;
  }
}
