// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** Lets messages pass at a bounded rate, in order. */
export interface RateGate {
  /** Runs `send` as soon as the rate allows, in order. False when too many wait already. */
  submit(send: () => void): boolean;
  /** Forgets everything that waits. */
  clear(): void;
}

/** Rate, burst and how many may wait. */
export interface RateOptions {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxWaiting: number;
}

/** A token bucket with a bounded queue behind it (KubeEdge's messageQPS and messageBurst). */
export function createRateGate(clock: Clock, options: RateOptions): RateGate {
  let tokens = options.burst;
  let refilledAtMs = clock.monotonicMs();
  let cancelTimer: (() => void) | undefined;
  const waiting: (() => void)[] = [];

  const refill = (): void => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(options.burst, tokens + ((nowMs - refilledAtMs) / 1000) * options.perSecond);
    refilledAtMs = nowMs;
  };
  const drain = (): void => {
    refill();
    for (; tokens >= 1 && waiting.length > 0; tokens--) waiting.shift()?.();
    if (waiting.length > 0)
      cancelTimer ??= clock.schedule(((1 - tokens) / options.perSecond) * 1000, onTimer);
  };
  const onTimer = (): void => {
    cancelTimer = undefined;
    drain();
  };
  return {
    submit: (send) => {
      if (waiting.length >= options.maxWaiting) return false;
      waiting.push(send);
      drain();
      return true;
    },
    clear: () => {
      waiting.length = 0;
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
