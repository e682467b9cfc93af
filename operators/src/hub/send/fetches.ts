// SPDX-License-Identifier: Apache-2.0
import type { Want } from "../../delivery/mailbox.ts";
import type { PumpDeps, PumpHost } from "./pump-port.ts";
import type { ReadResult } from "./reader.ts";
import type { Slot } from "./window.ts";

/** What becomes of a slot whose object was read. */
export interface Fetched {
  read(slot: Slot, result: ReadResult): void;
  failed(slot: Slot): void;
  /** A read or a LIST has ended: others may go now. */
  ended(): void;
}

/** The reads of one session that are under way: a few at a time, and one LIST where many pods are missing. */
export class Fetches {
  readonly #deps: Pick<PumpDeps, "reader" | "options">;
  readonly #host: PumpHost;
  readonly #then: Fetched;
  #running = 0;
  #listed = false;
  #listing = false;

  constructor(deps: Pick<PumpDeps, "reader" | "options">, host: PumpHost, then: Fetched) {
    this.#deps = deps;
    this.#host = host;
    this.#then = then;
  }

  /** The session took new wants: a LIST may pay again. */
  newBatch(): void {
    this.#listed = false;
  }

  /** Must this object wait, as others are read just now? @param pending all that was taken and is not on its way */
  mustWait(want: Want, pending: readonly Want[]): boolean {
    if (want.kind === "pod" && this.#listPods(pending)) return true;
    return this.#running >= this.#deps.options.readsPerSession;
  }

  async start(slot: Slot): Promise<void> {
    this.#running += 1;
    try {
      const { want } = slot;
      const { reader } = this.#deps;
      this.#then.read(slot, await (want.uid === "" ? reader.readNow(want) : reader.read(want)));
    } catch (error) {
      this.#then.failed(slot);
      this.#host.log.warn({ err: error, key: slot.key }, "object not readable");
    } finally {
      this.#running -= 1;
      this.#then.ended();
    }
  }

  /** One LIST instead of many GETs. @returns whether it is under way */
  #listPods(pending: readonly Want[]): boolean {
    if (this.#listed || this.#listing) return this.#listing;
    this.#listed = true;
    const { reader, options } = this.#deps;
    const missing = pending.filter((want) => want.kind === "pod" && want.op === "put" && !reader.peek(want));
    if (missing.length < options.listPodsFrom) return false;
    this.#listing = true;
    void this.#list();
    return true;
  }

  async #list(): Promise<void> {
    try {
      await this.#deps.reader.warmPods(this.#host.node);
    } catch (error) {
      this.#host.log.warn({ err: error }, "pods of the node not listed, reading them one by one");
    } finally {
      this.#listing = false;
      this.#then.ended();
    }
  }
}
