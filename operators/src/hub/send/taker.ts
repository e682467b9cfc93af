// SPDX-License-Identifier: Apache-2.0
import type { Owner, Want } from "../../delivery/mailbox.ts";
import { backoffMs } from "../backoff.ts";
import { endIfLost, MAILBOX_RETRY, type PumpDeps, type PumpHost } from "./pump-port.ts";
import type { Window } from "./window.ts";

const COMPLETE_POLL = { baseMs: 250, capMs: 5_000 };

/** Decides when a session looks into its mailbox, and takes from it. */
export class Taker {
  readonly #deps: Pick<PumpDeps, "mailbox" | "takes" | "clock" | "metrics" | "options" | "random">;
  readonly #host: PumpHost;
  readonly #window: Window;
  #needed = false;
  #wakes = 0;
  #wakesTaken = 0;
  #more = false;
  #completed = false;
  #polls = 0;
  #failures = 0;
  /** Not before this; 0 when nothing holds it back. */
  #notBeforeMs = 0;
  /** What it waits for is a placement; anything that is wanted meanwhile goes at once. */
  #isPolling = false;
  #lastMs: number;

  constructor(deps: PumpDeps, host: PumpHost, window: Window) {
    this.#deps = deps;
    this.#host = host;
    this.#window = window;
    this.#lastMs = deps.clock.nowMs();
  }

  /** Something may be wanted that was not seen yet. */
  wake(): void {
    this.#wakes += 1;
    this.#needed = true;
    if (this.#isPolling) this.#notBeforeMs = 0;
  }

  /** Take again as soon as there is room. */
  need(): void {
    this.#needed = true;
  }

  /** Wake-ups seen when the pending wants were taken. */
  get wakesTaken(): number {
    return this.#wakesTaken;
  }

  /** Wake-ups seen until now. */
  get wakes(): number {
    return this.#wakes;
  }

  /** The last take did not bring everything. */
  get more(): boolean {
    return this.#more;
  }

  /** @param hasPending wants of the last take are left */
  shouldTake(nowMs: number, hasPending: boolean): boolean {
    if (this.#notBeforeMs > nowMs) return false;
    if (this.#needed) return this.#window.hasRoom();
    if (hasPending) return false;
    return this.#more ? this.#window.hasRoom() : !this.#completed && this.#window.size === 0;
  }

  /** @returns whether a take has become due: the rescan, or the retry after a failure */
  sweep(nowMs: number): boolean {
    if (this.#lastMs + this.#deps.options.rescanMs <= nowMs) {
      this.#lastMs = nowMs;
      this.#needed = true;
      return true;
    }
    return this.#needed && this.#notBeforeMs > 0 && this.#notBeforeMs <= nowMs;
  }

  /**
   * Takes what is wanted and not on its way.
   *
   * @param blocked keys that wait for their own time; they come on top of the limit, so that they cannot fill it
   * @returns undefined when the mailbox could not be read; it is tried again
   */
  async take(owner: Owner, blocked: number): Promise<readonly Want[] | undefined> {
    const { options, mailbox, takes, clock } = this.#deps;
    const limit = (this.#host.negotiated ? options.takeLimit : options.legacyTakeLimit) + blocked;
    this.#needed = false;
    this.#isPolling = false;
    this.#lastMs = clock.nowMs();
    this.#wakesTaken = this.#wakes;
    try {
      const batch = await takes.run(() => mailbox.take(this.#host.node, owner, limit, this.#window.fields));
      this.#failures = 0;
      this.#notBeforeMs = 0;
      this.#more = batch.wants.length >= limit;
      if (batch.total === 0 && this.#window.size === 0 && this.#wakesTaken === this.#wakes)
        this.#drained(batch.placementPending);
      return batch.wants;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    this.#needed = true;
    this.#deps.metrics.mailboxErrors.inc({ operation: "take" });
    if (endIfLost(this.#host, error)) return;
    this.#failures += 1;
    this.#wait(this.#failures, MAILBOX_RETRY);
    this.#host.log.warn({ err: error, failures: this.#failures }, "mailbox not readable");
  }

  /** An empty mailbox proves that the edge is complete only after the placement that was asked for has come. */
  #drained(placementPending: boolean): void {
    if (this.#completed) return;
    if (!placementPending) {
      this.#completed = true;
      this.#host.complete();
      return;
    }
    this.#polls += 1;
    this.#needed = true;
    this.#isPolling = true;
    this.#wait(this.#polls, COMPLETE_POLL);
  }

  #wait(times: number, limits: { baseMs: number; capMs: number }): void {
    this.#notBeforeMs = this.#deps.clock.nowMs() + backoffMs(times, limits, this.#deps.random());
  }
}
