// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import { StoreError } from "../../store/port.ts";
import { pauseMs } from "../backoff.ts";
import { messageOf } from "../model.ts";

/** While a mapper does not answer; it registers again when it comes back as a new process. */
const REDIAL = { baseMs: 250, capMs: 10_000 };

/** What knowing whether a mapper can be told anything needs. */
export interface ReachDeps {
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  /** name of the mapper, for the log */
  readonly name: () => string;
  /** Somebody answers, or nobody does any more. */
  readonly onHealth: () => void;
  /** A pause has ended. */
  readonly onPauseEnd: () => void;
}

/** Whether a mapper can be told anything now: it, and our own disk, must answer. */
export class Reach {
  readonly #deps: ReachDeps;
  #failures = 0;
  #unreachableSinceMs: number | undefined;
  #cancelPause: (() => void) | undefined;

  constructor(deps: ReachDeps) {
    this.#deps = deps;
  }

  /** Nothing is told now: the next call would fare no better. */
  get isPaused(): boolean {
    return this.#cancelPause !== undefined;
  }

  /** Since when nobody answers at its socket, on the monotonic clock; undefined while somebody does. */
  get unreachableSinceMs(): number | undefined {
    return this.#unreachableSinceMs;
  }

  /** There is a connection. */
  reached(): void {
    this.#set(true);
  }

  /** All that was begun is done. */
  settled(): void {
    if (this.#failures > 0) this.#deps.log.info({ mapper: this.#deps.name() }, "a mapper can be told again");
    this.#failures = 0;
  }

  failed(error: unknown): void {
    if (!(error instanceof StoreError)) this.#set(false);
    if (this.isPaused) return; // another call was cut with it
    const { clock, log, random, name } = this.#deps;
    this.#failures++;
    if (this.#failures === 1)
      log.warn({ mapper: name(), reason: messageOf(error) }, "a mapper cannot be told anything now");
    this.#cancelPause = clock.schedule(pauseMs(this.#failures, REDIAL, random), () => {
      this.#cancelPause = undefined;
      this.#deps.onPauseEnd();
    });
  }

  /** Another process, of which nothing is known yet. */
  reset(): void {
    this.stop();
    this.#failures = 0;
    this.#set(true);
  }

  stop(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #set(isReachable: boolean): void {
    if (isReachable === (this.#unreachableSinceMs === undefined)) return;
    this.#unreachableSinceMs = isReachable ? undefined : this.#deps.clock.monotonicMs();
    this.#deps.onHealth();
  }
}
