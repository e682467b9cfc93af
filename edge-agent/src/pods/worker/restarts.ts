// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { ObservedPod } from "../model/index.ts";
import { noteExit, remainingMs, restartDelayMs } from "../plan/index.ts";
import type { Journal } from "./journal.ts";

/** When each container of a pod may run again: counted on the monotonic clock, so no jump of the wall clock restarts anything. */
export class Restarts {
  readonly #journal: Journal;
  readonly #clock: Clock;
  #atMs: Record<string, number> = {};

  /** Takes up what an earlier process of the agent left; only here the wall clock is asked, and clamped. */
  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
    const nowMs = clock.nowMs();
    for (const [name, history] of Object.entries(journal.value.history)) {
      this.#atMs[name] = clock.monotonicMs() + remainingMs(history, nowMs);
    }
  }

  /** monotonic ms by container name */
  get atMs(): Readonly<Record<string, number>> {
    return this.#atMs;
  }

  /** the whole of each back-off, ms by container name */
  get delayMs(): Readonly<Record<string, number>> {
    const history = Object.entries(this.#journal.value.history);
    return Object.fromEntries(history.map(([name, { failures }]) => [name, restartDelayMs(failures)]));
  }

  /** Counts every exit once. */
  note(observed: ObservedPod | undefined): void {
    const history = { ...this.#journal.value.history };
    for (const c of observed?.containers ?? []) {
      if (c.phase !== "exited") continue;
      const before = history[c.name];
      const ranForMs = c.startedAtMs > 0 ? Math.max(0, c.finishedAtMs - c.startedAtMs) : 0;
      const after = noteExit(before, { attempt: c.attempt, ranForMs, nowMs: this.#clock.nowMs() });
      if (after === before) continue;
      history[c.name] = after;
      this.#atMs = { ...this.#atMs, [c.name]: this.#clock.monotonicMs() + restartDelayMs(after.failures) };
    }
    this.#journal.writeSoon({ history });
  }
}
