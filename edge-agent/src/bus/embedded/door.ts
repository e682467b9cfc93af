// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";

/** How much patience the door has. */
export interface DoorOptions {
  /** wrong passwords of one user from one address before it is shut, default 10 */
  readonly maxFailures: number;
  /** how long, and within which time they count, default 60 s */
  readonly shutMs: number;
  /** connects that end another with the same client id, within a minute, default 3 */
  readonly maxTakeovers: number;
  /** connects of one user from one address within a minute, default 60 */
  readonly maxConnects: number;
}

export const DEFAULT_DOOR: DoorOptions = {
  maxFailures: 10,
  shutMs: 60_000,
  maxTakeovers: 3,
  maxConnects: 60,
};

const MINUTE_MS = 60_000;
const MAX_KEYS = 1_000;

/** Counts events of each key within a window; of bounded size. */
class Window {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  count(key: string): number {
    return this.#fresh(key).length;
  }

  /** @param most no more than so many are remembered of one key */
  add(key: string, most: number): void {
    const times = [...this.#fresh(key), this.#clock.monotonicMs()].slice(-most);
    this.#times.delete(key);
    this.#times.set(key, times);
    const oldest = this.#times.keys().next();
    if (this.#times.size > MAX_KEYS && oldest.done !== true) this.#times.delete(oldest.value);
  }

  clear(key: string): void {
    this.#times.delete(key);
  }

  #fresh(key: string): readonly number[] {
    const sinceMs = this.#clock.monotonicMs() - this.#lengthMs;
    return (this.#times.get(key) ?? []).filter((atMs) => atMs > sinceMs);
  }
}

/** Remembers who knocks too often, with a wrong password or as somebody who is in already. */
export class Door {
  readonly #options: DoorOptions;
  readonly #failures: Window;
  readonly #takeovers: Window;
  readonly #connects: Window;

  constructor(clock: Clock, options: Partial<DoorOptions> = {}) {
    this.#options = { ...DEFAULT_DOOR, ...options };
    this.#failures = new Window(clock, this.#options.shutMs);
    this.#takeovers = new Window(clock, MINUTE_MS);
    this.#connects = new Window(clock, MINUTE_MS);
  }

  /** Before anything is computed. @param who user and address */
  knock(who: string): "banned" | "rate" | undefined {
    const { maxFailures, maxConnects } = this.#options;
    if (this.#failures.count(who) >= maxFailures) return "banned";
    if (this.#connects.count(who) >= maxConnects) return "rate";
    this.#connects.add(who, maxConnects);
    return undefined;
  }

  wrongPassword(who: string): void {
    this.#failures.add(who, this.#options.maxFailures);
  }

  rightPassword(who: string): void {
    this.#failures.clear(who);
  }

  /** Another connection with this client id is open. False: it stays, and the new one goes. */
  mayTakeOver(clientId: string): boolean {
    const { maxTakeovers } = this.#options;
    if (this.#takeovers.count(clientId) >= maxTakeovers) return false;
    this.#takeovers.add(clientId, maxTakeovers);
    return true;
  }
}
