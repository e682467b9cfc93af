// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

/** Runs something that costs as much for one change as for many. */
export interface Gathering {
  /** Something changed: it runs soon. */
  mark(): void;
  stop(): void;
}

/**
 * The first change is answered at once, after the present turn of the loop; those that follow within `gapMs` are
 * answered together when it has passed.
 */
export function createGathering(clock: Clock, gapMs: number, run: () => void): Gathering {
  let lastMs = -Infinity;
  let cancel: (() => void) | undefined;
  let isStopped = false;
  return {
    mark: () => {
      if (isStopped) return;
      cancel ??= clock.schedule(Math.max(0, lastMs + gapMs - clock.monotonicMs()), () => {
        cancel = undefined;
        lastMs = clock.monotonicMs();
        run();
      });
    },
    stop: () => {
      isStopped = true;
      cancel?.();
    },
  };
}
