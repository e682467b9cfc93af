// SPDX-License-Identifier: Apache-2.0

/** A token bucket that is refilled by the time that is passed in. Starts full. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #lastMs: number;

  /** @param burst tokens it holds at most, and at the start */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#lastMs = nowMs;
  }

  /** Takes a token. @returns 0, or the milliseconds until there is one (none is taken then) */
  take(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) / this.#perMs);
    this.#tokens -= 1;
    return 0;
  }

  /** Takes a token that may not be there yet. @returns the milliseconds of debt to wait out, 0 when there is none */
  borrow(nowMs: number): number {
    this.#refill(nowMs);
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs);
  }

  /** Puts a token back that was taken and not used. */
  give(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  #refill(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs <= 0) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
    this.#lastMs = nowMs;
  }
}

/** Counts events in a window of one minute that starts with the first of them. */
export class MinuteCounter {
  #count = 0;
  #sinceMs = 0;

  /** @returns events in the current minute, this one included */
  add(nowMs: number): number {
    if (this.#count === 0 || nowMs - this.#sinceMs >= 60_000) {
      this.#count = 0;
      this.#sinceMs = nowMs;
    }
    this.#count += 1;
    return this.#count;
  }
}
