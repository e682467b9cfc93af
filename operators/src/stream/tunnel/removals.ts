// SPDX-License-Identifier: Apache-2.0

const REMEMBERED = 1_024;
const AGAIN_AFTER_MS = 1_000;
/** Each one fills a place of a short queue at the edge. */
const MAX_TIMES = 3;

/**
 * Streams that the edge was told to end. EdgeCore loses the word when it comes while a stream is still being opened
 * there, and would serve that stream for ever.
 */
export class Removals {
  readonly #told = new Map<number, { atMs: number; times: number }>();

  add(connection: number, nowMs: number): void {
    this.#told.set(connection, { atMs: nowMs, times: 1 });
    const [oldest] = this.#told.keys();
    if (this.#told.size > REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
  }

  /** It goes on all the same: is it time to tell it again? */
  isDue(connection: number, nowMs: number): boolean {
    const told = this.#told.get(connection);
    if (told === undefined || told.times >= MAX_TIMES || nowMs - told.atMs < AGAIN_AFTER_MS) return false;
    told.atMs = nowMs;
    told.times++;
    return true;
  }
}
