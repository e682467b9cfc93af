// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";

/** How long a fault that repeats is waited for. */
export interface FaultPause {
  readonly baseMs: number;
  readonly capMs: number;
}

/** What one more failure of a part means. */
export interface Fault {
  readonly delayMs: number;
  /** it differs from the last failure of this part: worth a line in the log */
  readonly isNews: boolean;
  /** news, or so long untold that the cluster's own copy of it (an Event lives an hour) is about to go */
  readonly isDue: boolean;
}

interface Known {
  readonly text: string;
  readonly count: number;
  readonly toldAtMs: number;
}

const TELL_AGAIN_MS = 600_000;

/** Failures of the parts of one pod: each is tried again with a growing pause, and told when it changes. */
export class Faults {
  readonly #clock: Clock;
  readonly #pause: FaultPause;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, pause: FaultPause) {
    this.#clock = clock;
    this.#pause = pause;
  }

  /** @param part what failed: a container, its image, or "" for the pod as a whole */
  note(part: string, text: string): Fault {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#known.get(part);
    const isNews = before?.text !== text;
    const isDue = isNews || nowMs - before.toldAtMs >= TELL_AGAIN_MS;
    const count = (before?.count ?? 0) + 1;
    this.#known.set(part, { text, count, toldAtMs: isDue ? nowMs : before.toldAtMs });
    const delayMs = Math.min(this.#pause.capMs, this.#pause.baseMs * 2 ** Math.min(count - 1, 20));
    return { delayMs, isNews, isDue };
  }

  /** It works. */
  clear(part: string): void {
    this.#known.delete(part);
  }
}
