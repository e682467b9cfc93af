// SPDX-License-Identifier: Apache-2.0
import { watch, type FSWatcher } from "node:fs";
import type { Clock } from "../../clock.ts";

/** Wakes the reader of a log: when its folder changes, when it was called, or after a while in any case. */
export class Bell {
  readonly #clock: Clock;
  #watcher: FSWatcher | undefined;
  #wake: (() => void) | undefined;
  #onClose: (() => void) | undefined;
  #isRung = false;
  #hasMoved = false;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param isMine whether a file of the folder is of interest
   * @param onError the folder cannot be watched, or no longer: it is looked at once in a while only
   */
  watch(path: string, isMine: (name: string) => boolean, onError: (error: unknown) => void): void {
    const failed = (error: unknown): void => {
      this.#watcher?.close();
      onError(error);
    };
    try {
      this.#watcher = watch(path, { persistent: false }, (event, name) => {
        if (name !== null && !isMine(name)) return;
        if (event === "rename") this.#hasMoved = true;
        this.ring();
      }).on("error", failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Whether a file came, went or was renamed since this was asked last. */
  takeMoved(): boolean {
    const had = this.#hasMoved;
    this.#hasMoved = false;
    return had;
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Until it rings, or rang since the last wait; at most so long. */
  async wait(maxMs: number): Promise<void> {
    if (!this.#isRung) await this.sleep(maxMs, (wake) => (this.#wake = wake));
    this.#isRung = false;
  }

  /** So long, unless closed. */
  async sleep(ms: number, early: (wake: () => void) => void = () => undefined): Promise<void> {
    if (this.#isClosed) return;
    let cancel = (): void => undefined;
    await new Promise<void>((resolve) => {
      cancel = this.#clock.schedule(ms, resolve);
      this.#onClose = resolve;
      early(resolve);
    });
    cancel();
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    this.#onClose?.();
  }
}
