// SPDX-License-Identifier: Apache-2.0

/** What the peer may still send on one stream. Credit goes back in steps of half a window, as the reader consumes. */
export class Inflow {
  readonly #windowBytes: number;
  #allowedBytes: number;
  #receivedBytes = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
    this.#allowedBytes = windowBytes;
  }

  /** @returns false when the peer sent more than it was granted (B146) */
  receive(bytes: number): boolean {
    this.#receivedBytes += bytes;
    return this.#receivedBytes <= this.#allowedBytes;
  }

  /**
   * Counts as granted what it returns.
   *
   * @param unreadBytes received and not yet read
   * @returns bytes to grant now; 0 until they are half a window
   */
  grant(unreadBytes: number): number {
    const owedBytes = this.#receivedBytes - unreadBytes + this.#windowBytes - this.#allowedBytes;
    if (owedBytes * 2 < this.#windowBytes) return 0;
    this.#allowedBytes += owedBytes;
    return owedBytes;
  }
}

/** Called once: when all was handed to the connection, or with why it never will be. */
export type WriteDone = (error?: Error | null) => void;

/** One write under way on one stream, and the bytes that the peer still takes. */
export class Outflow {
  #creditBytes: number;
  #parts: readonly Buffer[] = [];
  #next = 0;
  #offset = 0;
  #done: WriteDone | undefined;

  constructor(creditBytes: number) {
    this.#creditBytes = creditBytes;
  }

  credit(bytes: number): void {
    this.#creditBytes += bytes;
  }

  /** Only after the write before it is done. */
  hold(parts: readonly Buffer[], done: WriteDone): void {
    this.#parts = parts;
    this.#next = 0;
    this.#offset = 0;
    this.#done = done;
    this.#skipEmpty();
  }

  get isSendable(): boolean {
    return this.#creditBytes > 0 && this.#next < this.#parts.length;
  }

  /**
   * The next bytes, at most this many. Large parts are sent as views; small ones that wait together are copied
   * together, for a frame costs more than a copy of it.
   */
  take(maxBytes: number): Buffer {
    const limitBytes = Math.min(maxBytes, this.#creditBytes);
    const payload = this.#gather(limitBytes) ?? this.#slice(limitBytes);
    this.#creditBytes -= payload.length;
    this.#skipEmpty();
    return payload;
  }

  /** Ends the write when nothing of it is left. */
  settle(): void {
    if (this.#next >= this.#parts.length) this.#finish(null);
  }

  abandon(error: Error): void {
    this.#next = this.#parts.length;
    this.#finish(error);
  }

  #finish(error: Error | null): void {
    const done = this.#done;
    this.#done = undefined;
    this.#parts = [];
    this.#next = 0;
    done?.(error);
  }

  #slice(limitBytes: number): Buffer {
    const part = this.#parts[this.#next] ?? Buffer.alloc(0);
    const end = Math.min(part.length, this.#offset + limitBytes);
    const payload = this.#offset === 0 && end === part.length ? part : part.subarray(this.#offset, end);
    this.#offset = end;
    return payload;
  }

  #gather(limitBytes: number): Buffer | undefined {
    if (this.#offset > 0 || this.#parts.length - this.#next < 2) return undefined;
    let bytes = 0;
    let end = this.#next;
    for (let part = this.#parts[end]; part && bytes + part.length <= limitBytes; part = this.#parts[end]) {
      bytes += part.length;
      end += 1;
    }
    if (end - this.#next < 2) return undefined;
    const payload = Buffer.concat(this.#parts.slice(this.#next, end), bytes);
    this.#next = end;
    return payload;
  }

  #skipEmpty(): void {
    for (
      let part = this.#parts[this.#next];
      part && part.length === this.#offset;
      part = this.#parts[this.#next]
    ) {
      this.#next += 1;
      this.#offset = 0;
    }
  }
}
