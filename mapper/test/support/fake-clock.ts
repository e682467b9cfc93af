// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";

/** A clock that a test moves; `timers` is how many are armed. */
export interface FakeClock extends Clock {
  advance(ms: number): Promise<void>;
  timers(): number;
}

const EPOCH_MS = 1_700_000_000_000;

/** Lets every promise that can settle do so. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

export function createFakeClock(): FakeClock {
  let nowMs = 0;
  let armed: { readonly atMs: number; readonly fn: () => void }[] = [];
  return {
    nowMs: () => EPOCH_MS + nowMs,
    monotonicMs: () => nowMs,
    schedule: (delayMs, fn) => {
      const timer = { atMs: nowMs + Math.max(0, delayMs), fn };
      armed.push(timer);
      return () => {
        armed = armed.filter((other) => other !== timer);
      };
    },
    advance: async (ms) => {
      const endMs = nowMs + ms;
      await settle();
      for (;;) {
        const [next] = armed.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (!next) break;
        nowMs = Math.max(nowMs, next.atMs);
        armed = armed.filter((other) => other !== next);
        next.fn();
        await settle();
      }
      nowMs = endMs;
    },
    timers: () => armed.length,
  };
}
