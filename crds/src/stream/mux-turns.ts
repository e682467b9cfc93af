// SPDX-License-Identifier: Apache-2.0

/** Somebody with something to send. */
export interface Sender {
  /** Kept here, so that a sender is never queued twice. */
  isQueued: boolean;
  /** Sends at most one chunk. @returns whether there is more to send now */
  sendChunk(): boolean;
}

/** Who may send next: round robin, a chunk a turn, while the connection takes it. */
export class Turns {
  readonly #isWritable: () => boolean;
  readonly #queue: Sender[] = [];
  #isTaking = false;

  constructor(isWritable: () => boolean) {
    this.#isWritable = isWritable;
  }

  /** Queues a sender, and sends at once what the connection takes. */
  add(sender: Sender): void {
    this.#push(sender);
    this.take();
  }

  take(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (this.#queue.length > 0 && this.#isWritable()) this.#takeOne();
    } finally {
      this.#isTaking = false;
    }
  }

  #takeOne(): void {
    const sender = this.#queue.shift();
    if (!sender) return;
    sender.isQueued = false;
    if (sender.sendChunk()) this.#push(sender);
  }

  /** A write callback may have queued its sender again already. */
  #push(sender: Sender): void {
    if (sender.isQueued) return;
    sender.isQueued = true;
    this.#queue.push(sender);
  }
}
