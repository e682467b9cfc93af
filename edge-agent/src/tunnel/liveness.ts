// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** Watches that the peer is still heard. */
export interface Liveness {
  /** @param pings send pings ourselves (a CloudCore sends none, but answers them) */
  start(pingIntervalMs: number, pings: boolean): void;
  heard(): void;
  stop(): void;
}

/** Calls `dead` once when nothing was heard for two ping intervals; TCP alone takes about 15 minutes to notice. */
export function createLiveness(clock: Clock, on: { ping: () => void; dead: () => void }): Liveness {
  let heardAtMs = 0;
  let cancel: (() => void) | undefined;
  const check = (intervalMs: number, pings: boolean): void => {
    const leftMs = heardAtMs + 2 * intervalMs - clock.monotonicMs();
    if (leftMs <= 0) {
      on.dead();
      return;
    }
    if (pings) on.ping();
    cancel = clock.schedule(pings ? Math.min(intervalMs, leftMs) : leftMs, () => check(intervalMs, pings));
  };
  return {
    start: (intervalMs, pings) => {
      heardAtMs = clock.monotonicMs();
      check(intervalMs, pings);
    },
    heard: () => {
      heardAtMs = clock.monotonicMs();
    },
    stop: () => cancel?.(),
  };
}
