// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock } from "../../clock.ts";

/** How often, and how long is waited between. */
export interface TryOptions {
  readonly tries: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** What trying again needs of the machine. */
export interface TryDeps {
  readonly clock: Pick<Clock, "schedule">;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Pause after the nth failure: doubles, and up to a half longer so that nodes do not come at once. */
export const pauseMs = (failures: number, { baseMs, capMs }: TryOptions, random: number): number =>
  Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 20)) * (1 + random / 2);

/**
 * Runs `work` until it does not throw.
 *
 * @param isFinal errors after which no try helps
 * @throws what the last try threw; the signal's reason once it has ended
 */
export async function withTries<T>(
  work: () => Promise<T>,
  options: TryOptions,
  deps: TryDeps,
  isFinal: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    deps.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      deps.signal.throwIfAborted();
      if (failures >= options.tries || isFinal(error)) throw error;
      await pause(deps.clock, pauseMs(failures, options, deps.random()), deps.signal);
      deps.signal.throwIfAborted();
    }
  }
}
