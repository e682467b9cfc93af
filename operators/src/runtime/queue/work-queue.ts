// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { QueueObserver } from "./queue-metrics.ts";
import type { RateLimiter } from "./rate-limiter.ts";

export interface AddOptions {
  /** Higher goes first; default 0. The classic queue ignores it. */
  readonly priority?: number;
  readonly afterMs?: number;
  /** Wait at least as the rate limiter says; counts a failure of the key. */
  readonly rateLimited?: boolean;
}

export interface QueueItem {
  readonly key: string;
  /** To be given again when the key is requeued. */
  readonly priority: number;
}

/**
 * Keys that need work. One key is never handed out twice at a time; a burst of adds is one turn; an add during
 * the turn is exactly one more turn. Bounded by the number of distinct keys.
 */
export interface WorkQueue {
  add(key: string, options?: AddOptions): void;
  /** The next key, as soon as there is one; undefined when the queue is shut down. */
  get(): Promise<QueueItem | undefined>;
  /** Ends the turn that `get` began; without it the key is stuck, so call it in `finally`. */
  done(key: string): void;
  /** The key succeeded: its next failure starts at the shortest delay. */
  forget(key: string): void;
  /** Failures since the last `forget`. */
  failures(key: string): number;
  /** Keys that are ready to be handed out. */
  readonly size: number;
  shutdown(): void;
}

export interface QueueDeps {
  readonly clock: Clock;
  readonly limiter: RateLimiter;
  readonly observer?: QueueObserver | undefined;
}

/** Delay that an add asks for: the shorter one of its own and the limiter's; undefined is none. */
export function delayOf(key: string, options: AddOptions, limiter: RateLimiter): number | undefined {
  const own = options.afterMs ?? 0;
  const limited = options.rateLimited === true ? limiter.when(key) : 0;
  const delayMs = own > 0 && limited > 0 ? Math.min(own, limited) : Math.max(own, limited);
  return delayMs > 0 ? delayMs : undefined;
}

export interface Getters {
  /** Somebody waits for an item. */
  readonly waiting: boolean;
  wait(): Promise<QueueItem | undefined>;
  give(item: QueueItem | undefined): void;
  giveAll(item: undefined): void;
}

/** Those who wait in `get`, first come first served. */
export function createGetters(): Getters {
  let resolvers: ((item: QueueItem | undefined) => void)[] = [];
  return {
    get waiting() {
      return resolvers.length > 0;
    },
    wait: () => new Promise((resolve) => void resolvers.push(resolve)),
    give: (item) => resolvers.shift()?.(item),
    giveAll(item) {
      const all = resolvers;
      resolvers = [];
      for (const resolve of all) resolve(item);
    },
  };
}
