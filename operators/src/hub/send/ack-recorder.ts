// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../../delivery/errors.ts";
import type { Owner } from "../../delivery/mailbox.ts";
import { backoffMs } from "../backoff.ts";
import { endIfLost, MAILBOX_RETRY, type PumpDeps, type PumpHost } from "./pump-port.ts";
import { toAcked, type Slot } from "./window.ts";

/** What becomes of the slots of a batch. */
export interface Recorded {
  /** They are recorded; the mailbox wants no more of them. */
  settled(slots: readonly Slot[]): void;
  /** One of them cannot be written as it is, and none was. */
  refused(slots: readonly Slot[]): void;
}

const ACK_BATCH = 256;

/**
 * Tells the mailbox what the edge has made durable. One call at a time; while the mailbox cannot be reached the
 * acknowledgements wait here, each in its slot of the window, which bounds them.
 */
export class AckRecorder {
  readonly #deps: Pick<PumpDeps, "mailbox" | "clock" | "metrics" | "random">;
  readonly #host: PumpHost;
  readonly #then: Recorded;
  #waiting: Slot[] = [];
  #running = false;
  #failures = 0;
  #retryAtMs = 0;

  constructor(
    deps: Pick<PumpDeps, "mailbox" | "clock" | "metrics" | "random">,
    host: PumpHost,
    then: Recorded,
  ) {
    this.#deps = deps;
    this.#host = host;
    this.#then = then;
  }

  add(slot: Slot): void {
    this.#waiting.push(slot);
    if (!this.#running) void this.#run();
  }

  sweep(nowMs: number): void {
    if (this.#waiting.length > 0 && !this.#running && this.#retryAtMs <= nowMs) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Acks that arrive in one chunk are recorded by one call.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#host.open) {
      const batch = this.#waiting.splice(0, ACK_BATCH);
      const { owner } = this.#host;
      // Without a fence only the Node was sent, and it is sent again with one.
      if (owner === undefined) this.#then.settled(batch);
      else if (!(await this.#record(owner, batch))) break;
    }
    this.#running = false;
  }

  /** @returns whether to go on with the next batch */
  async #record(owner: Owner, batch: readonly Slot[]): Promise<boolean> {
    try {
      await this.#deps.mailbox.ack(this.#host.node, owner, batch.map(toAcked));
    } catch (error) {
      return this.#failed(batch, error);
    }
    this.#failures = 0;
    this.#then.settled(batch);
    return true;
  }

  #failed(batch: readonly Slot[], error: unknown): boolean {
    this.#deps.metrics.mailboxErrors.inc({ operation: "ack" });
    if (endIfLost(this.#host, error)) return false;
    if (error instanceof DeliveryError && !error.retryable) {
      this.#host.log.error({ err: error, count: batch.length }, "acks refused by the mailbox");
      this.#then.refused(batch);
      return true;
    }
    this.#waiting.unshift(...batch);
    this.#failures += 1;
    this.#retryAtMs =
      this.#deps.clock.nowMs() + backoffMs(this.#failures, MAILBOX_RETRY, this.#deps.random());
    this.#host.log.warn({ err: error, failures: this.#failures }, "acks not recorded");
    return false;
  }
}
