// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import { pauseMs } from "../backoff.ts";

/** What a mapper did instead of what it was told about one item. */
export interface Trouble {
  readonly kind: "hung" | "refused" | "cut";
  readonly message: string;
}

interface Pause extends Trouble {
  readonly untilMs: number;
  readonly failures: number;
}

/** While a mapper refuses one device or model, or does not answer about it. */
const RETRY = { baseMs: 1_000, capMs: 60_000 };

/** The items of one mapper whose last call failed: each has a pause of its own, and one timer serves all. */
export class Pauses {
  readonly #pauses = new Map<string, Pause>();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onEnd: () => void;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  /** @param onEnd a pause has ended */
  constructor(clock: Clock, random: () => number, onEnd: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onEnd = onEnd;
  }

  /** @returns how often it failed in a row */
  begin(key: string, trouble: Trouble): number {
    const failures = (this.#pauses.get(key)?.failures ?? 0) + 1;
    const untilMs = this.#clock.monotonicMs() + pauseMs(failures, RETRY, this.#random);
    this.#pauses.set(key, { ...trouble, untilMs, failures });
    this.#schedule();
    return failures;
  }

  /** It may be told at once, and what failed is remembered until it succeeds. */
  shorten(key: string): void {
    const pause = this.#pauses.get(key);
    if (pause !== undefined) this.#pauses.set(key, { ...pause, untilMs: -Infinity, failures: 0 });
  }

  end(key: string): void {
    this.#pauses.delete(key);
  }

  clear(): void {
    this.#pauses.clear();
  }

  /** Forgets items that are wanted and held no more. */
  retain(isKnown: (key: string) => boolean): void {
    for (const key of this.#pauses.keys()) if (!isKnown(key)) this.#pauses.delete(key);
  }

  /** Those whose time has not come. */
  waiting(): ReadonlySet<string> {
    const nowMs = this.#clock.monotonicMs();
    return new Set([...this.#pauses].flatMap(([key, { untilMs }]) => (untilMs > nowMs ? [key] : [])));
  }

  /** Until a call about the item succeeds. */
  troubleOf(key: string): Trouble | undefined {
    return this.#pauses.get(key);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonicMs();
    const next = [...this.#pauses.values()].map(({ untilMs }) => untilMs).filter((ms) => ms > nowMs);
    if (next.length === 0 || this.#isStopped) return;
    const delayMs = next.reduce((least, ms) => Math.min(least, ms), Infinity) - nowMs;
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#schedule();
      this.#onEnd();
    });
  }
}
