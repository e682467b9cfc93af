// SPDX-License-Identifier: Apache-2.0
import { createDelays } from "./delays.ts";
import { createIndexedHeap } from "./indexed-heap.ts";
import {
  createGetters,
  delayOf,
  type AddOptions,
  type QueueDeps,
  type QueueItem,
  type WorkQueue,
} from "./work-queue.ts";

interface Item {
  readonly key: string;
  priority: number;
  /** Place within its priority; given when the item becomes ready, not when it is added. */
  turn: number;
  isReady: boolean;
}

/**
 * controller-runtime's queue: ready keys by priority, then by when they became ready. A key that is added again
 * keeps the higher priority and the shorter delay, so an immediate add cancels a pending delay. After shutdown
 * nothing more is handed out: what is queued is dropped, for every key comes again with the next start.
 */
export function createPriorityQueue({ clock, limiter, observer }: QueueDeps): WorkQueue {
  const items = new Map<string, Item>();
  const ready = createIndexedHeap<Item>((a, b) =>
    a.priority === b.priority ? a.turn < b.turn : a.priority > b.priority,
  );
  const processing = new Set<string>();
  const getters = createGetters();
  let turns = 0;
  let isShutdown = false;

  const makeReady = (item: Item): void => {
    item.isReady = true;
    item.turn = ++turns;
    observer?.added(item.key, item.priority);
  };
  // A key whose turn still runs waits outside the heap until done().
  const queueUp = (item: Item): void => {
    if (item.isReady && !processing.has(item.key)) ready.push(item);
    serve();
  };
  const serve = (): void => {
    while (getters.waiting && ready.size > 0) getters.give(handOut());
  };
  const handOut = (): QueueItem | undefined => {
    const item = ready.pop();
    if (item === undefined) return undefined;
    items.delete(item.key);
    processing.add(item.key);
    observer?.started(item.key, item.priority);
    return { key: item.key, priority: item.priority };
  };
  const delays = createDelays(clock, (key) => {
    const item = items.get(key);
    if (item === undefined || item.isReady) return;
    makeReady(item);
    queueUp(item);
  });

  const insert = (key: string, priority: number, delayMs: number | undefined): void => {
    const item: Item = { key, priority, turn: 0, isReady: false };
    items.set(key, item);
    if (delayMs === undefined) makeReady(item);
    else delays.add(key, delayMs);
    queueUp(item);
  };
  const raise = (item: Item, priority: number): void => {
    if (item.isReady) observer?.reprioritised(item.priority, priority);
    item.priority = priority;
    item.turn = ++turns;
  };
  const merge = (item: Item, priority: number, delayMs: number | undefined): void => {
    ready.remove(item);
    if (priority > item.priority) raise(item, priority);
    if (!item.isReady && delayMs === undefined) {
      delays.remove(item.key);
      makeReady(item);
    } else if (!item.isReady && delayMs !== undefined) {
      delays.add(item.key, delayMs);
    }
    queueUp(item);
  };

  return {
    add(key: string, options: AddOptions = {}) {
      if (isShutdown) return;
      const delayMs = delayOf(key, options, limiter);
      if (delayMs !== undefined) observer?.retried();
      const item = items.get(key);
      if (item === undefined) insert(key, options.priority ?? 0, delayMs);
      else merge(item, options.priority ?? item.priority, delayMs);
    },
    get() {
      if (isShutdown) return Promise.resolve(undefined);
      return ready.size > 0 ? Promise.resolve(handOut()) : getters.wait();
    },
    done(key) {
      if (!processing.delete(key)) return;
      observer?.finished(key);
      const item = items.get(key);
      if (item !== undefined) queueUp(item);
    },
    forget: (key) => limiter.forget(key),
    failures: (key) => limiter.failures(key),
    get size() {
      return ready.size;
    },
    shutdown() {
      isShutdown = true;
      delays.clear();
      items.clear();
      while (ready.pop() !== undefined);
      getters.giveAll(undefined);
    },
  };
}
