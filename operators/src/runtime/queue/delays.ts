// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import { createIndexedHeap } from "./indexed-heap.ts";

export interface Delays {
  /** A key that waits already keeps the earlier deadline. */
  add(key: string, delayMs: number): void;
  remove(key: string): void;
  clear(): void;
}

interface Delayed {
  readonly key: string;
  readonly readyAtMs: number;
}

/** Keys that become due later; one timer for all of them. */
export function createDelays(clock: Clock, onDue: (key: string) => void): Delays {
  const heap = createIndexedHeap<Delayed>((a, b) => a.readyAtMs < b.readyAtMs);
  const byKey = new Map<string, Delayed>();
  let cancelTimer: (() => void) | undefined;

  const arm = (): void => {
    cancelTimer?.();
    const next = heap.peek();
    cancelTimer = next && clock.schedule(next.readyAtMs - clock.nowMs(), fire);
  };
  const fire = (): void => {
    const nowMs = clock.nowMs();
    for (let next = heap.peek(); next !== undefined && next.readyAtMs <= nowMs; next = heap.peek()) {
      heap.pop();
      byKey.delete(next.key);
      onDue(next.key);
    }
    arm();
  };

  return {
    add(key, delayMs) {
      const delayed = { key, readyAtMs: clock.nowMs() + delayMs };
      const known = byKey.get(key);
      if (known !== undefined && known.readyAtMs <= delayed.readyAtMs) return;
      if (known !== undefined) heap.remove(known);
      byKey.set(key, delayed);
      heap.push(delayed);
      if (heap.peek() === delayed) arm();
    },
    remove(key) {
      const known = byKey.get(key);
      if (known === undefined) return;
      heap.remove(known);
      byKey.delete(key);
      arm();
    },
    clear() {
      cancelTimer?.();
      cancelTimer = undefined;
      while (heap.pop() !== undefined);
      byKey.clear();
    },
  };
}
