// SPDX-License-Identifier: Apache-2.0

/** Lets some pass at the same time; the others wait their turn. */
export interface Gate {
  /** Rejects with the signal's reason when that aborts first. */
  through<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createGate(places: number): Gate {
  let free = places;
  const waiting = new Set<() => void>();

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        waiting.delete(enter);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      waiting.add(enter);
    });
  }
  function next(): void {
    const [enter] = waiting;
    if (enter === undefined) {
      free++;
      return;
    }
    waiting.delete(enter);
    enter();
  }
  return {
    through: async (run, signal) => {
      signal.throwIfAborted();
      if (free > 0) free--;
      else await turn(signal);
      try {
        return await run();
      } finally {
        next();
      }
    },
  };
}
