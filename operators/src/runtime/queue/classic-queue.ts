// SPDX-License-Identifier: Apache-2.0
import { createFifo } from "./fifo.ts";
import { createDelays } from "./delays.ts";
import { createGetters, delayOf, type QueueDeps, type QueueItem, type WorkQueue } from "./work-queue.ts";

/**
 * client-go's queue: first in, first out. Delayed keys wait apart, each with its earliest deadline; an immediate
 * add does not cancel them. After shutdown, adds are refused and what is queued is still handed out.
 */
export function createClassicQueue({ clock, limiter, observer }: QueueDeps): WorkQueue {
  const queue = createFifo();
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const getters = createGetters();
  let isShutdown = false;

  const handOut = (key: string): QueueItem => {
    dirty.delete(key);
    processing.add(key);
    observer?.started(key, 0);
    return { key, priority: 0 };
  };
  const enqueue = (key: string): void => {
    if (getters.waiting) getters.give(handOut(key));
    else queue.push(key);
  };
  const addNow = (key: string): void => {
    if (isShutdown || dirty.has(key)) return;
    dirty.add(key);
    observer?.added(key, 0);
    if (!processing.has(key)) enqueue(key);
  };
  const delays = createDelays(clock, addNow);

  return {
    add(key, options = {}) {
      if (isShutdown) return;
      const delayMs = delayOf(key, options, limiter);
      if (delayMs === undefined) {
        addNow(key);
        return;
      }
      observer?.retried();
      delays.add(key, delayMs);
    },
    get() {
      const key = queue.shift();
      if (key !== undefined) return Promise.resolve(handOut(key));
      return isShutdown ? Promise.resolve(undefined) : getters.wait();
    },
    done(key) {
      if (!processing.delete(key)) return;
      observer?.finished(key);
      if (dirty.has(key)) enqueue(key);
    },
    forget: (key) => limiter.forget(key),
    failures: (key) => limiter.failures(key),
    get size() {
      return queue.size;
    },
    shutdown() {
      isShutdown = true;
      delays.clear();
      getters.giveAll(undefined);
    },
  };
}
