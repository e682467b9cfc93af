// SPDX-License-Identifier: Apache-2.0

export interface WindowOptions {
  /** Events of one key in one window; the next is over the limit. */
  readonly limit: number;
  readonly windowMs: number;
  /** Keys that are remembered; the oldest is forgotten beyond that. */
  readonly maxKeys: number;
}

/** Counts events by key in fixed windows that start with the first event. */
export class EventWindow {
  readonly #options: WindowOptions;
  readonly #keys = new Map<string, { sinceMs: number; count: number }>();

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Counts one event. @returns whether it is over the limit */
  isOver(key: string, nowMs: number): boolean {
    const known = this.#keys.get(key);
    if (known === undefined || nowMs - known.sinceMs >= this.#options.windowMs) {
      this.#remember(key, nowMs);
      return this.#options.limit < 1;
    }
    known.count += 1;
    return known.count > this.#options.limit;
  }

  #remember(key: string, nowMs: number): void {
    this.#keys.delete(key);
    const oldest = this.#keys.size >= this.#options.maxKeys ? this.#keys.keys().next().value : undefined;
    if (oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(key, { sinceMs: nowMs, count: 1 });
  }
}
