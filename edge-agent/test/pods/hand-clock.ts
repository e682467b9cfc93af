// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../src/clock.ts";

/** A clock that stands still until it is moved. */
export class HandClock implements Clock {
  #nowMs = 1_700_000_000_000;
  #monoMs = 1_000;
  readonly #due: { atMs: number; fn: () => void }[] = [];
  nowMs(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#monoMs;
  }
  schedule(delayMs: number, fn: () => void): () => void {
    const entry = { atMs: this.#monoMs + delayMs, fn };
    this.#due.push(entry);
    return () => {
      const at = this.#due.indexOf(entry);
      if (at >= 0) this.#due.splice(at, 1);
    };
  }
  jumpWall(ms: number): void {
    this.#nowMs += ms;
  }
  async advance(ms: number): Promise<void> {
    this.#monoMs += ms;
    this.#nowMs += ms;
    for (const entry of this.#due.filter((d) => d.atMs <= this.#monoMs)) {
      this.#due.splice(this.#due.indexOf(entry), 1);
      entry.fn();
    }
    await settle();
  }
}

/** Lets promises that are due run. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
