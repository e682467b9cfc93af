// SPDX-License-Identifier: Apache-2.0

const SPAN_MS = 10_000;

/** Counts frames for streams that never were. */
export class Strays {
  readonly #most: number;
  readonly #nowMs: () => number;
  #timesMs: number[] = [];

  /** @param most in ten seconds, at which the connection is given up */
  constructor(most: number, nowMs: () => number) {
    this.#most = most;
    this.#nowMs = nowMs;
  }

  /** @returns whether there were too many by now */
  add(): boolean {
    const nowMs = this.#nowMs();
    this.#timesMs = this.#timesMs.filter((timeMs) => nowMs - timeMs < SPAN_MS);
    this.#timesMs.push(nowMs);
    return this.#timesMs.length >= this.#most;
  }
}
