// SPDX-License-Identifier: Apache-2.0
import type { HubClock } from "../../../src/hub/clock.ts";

/** A clock that stands still until it is moved. */
export class ManualClock implements HubClock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ ms: number; dueMs: number; run: () => void }>();
  readonly #wallMs = Date.now();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs + this.#nowMs;
  }

  every(ms: number, run: () => void): () => void {
    const timer = { ms, dueMs: this.#nowMs + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves on, running each timer at its time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = next.dueMs;
      next.dueMs += next.ms;
      next.run();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): { ms: number; dueMs: number; run: () => void } | undefined {
    const due = [...this.#timers].filter((timer) => timer.dueMs <= endMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}
