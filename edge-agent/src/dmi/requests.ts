// SPDX-License-Identifier: Apache-2.0

const [DATA, RST_STREAM] = [0, 3];
const END_STREAM = 0x1;
/** Of the library's, for a request of which hardly anything came. */
const REQUEST_BYTES = 256;

/** What one connection has sent of requests that have not ended; each is held in memory until it does. */
export class OpenRequests {
  readonly #bytesOf = new Map<number, number>();
  readonly #onChange: (bytes: number) => void;

  /** @param onChange there are so many bytes more */
  constructor(onChange: (bytes: number) => void) {
    this.#onChange = onChange;
  }

  /** A frame begins. @param head its nine bytes */
  frame(head: Buffer, length: number): void {
    const type = head[3];
    if (type !== DATA && type !== RST_STREAM) return;
    const stream = head.readUInt32BE(5);
    if (type === RST_STREAM || ((head[4] ?? 0) & END_STREAM) !== 0) this.#end(stream);
    else this.#add(stream, length);
  }

  /** The connection is gone. */
  close(): void {
    for (const stream of this.#bytesOf.keys()) this.#end(stream);
  }

  #add(stream: number, bytes: number): void {
    const before = this.#bytesOf.get(stream);
    const more = before === undefined ? REQUEST_BYTES + bytes : bytes;
    this.#bytesOf.set(stream, (before ?? 0) + more);
    this.#onChange(more);
  }

  #end(stream: number): void {
    const bytes = this.#bytesOf.get(stream);
    if (bytes === undefined) return;
    this.#bytesOf.delete(stream);
    this.#onChange(-bytes);
  }
}

/** Bytes of open requests of all connections. Who holds the most is sent away when they are too many. */
export class RequestBudget {
  readonly #maxBytes: number;
  readonly #holders = new Map<OpenRequests, { bytes: number; readonly sendAway: () => void }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param sendAway ends the connection; its requests are closed with it */
  open(sendAway: () => void): OpenRequests {
    const holder = { bytes: 0, sendAway };
    const requests = new OpenRequests((bytes) => {
      holder.bytes += bytes;
      this.#bytes += bytes;
      if (bytes > 0 && this.#bytes > this.#maxBytes) this.#sendLargestAway();
    });
    this.#holders.set(requests, holder);
    return requests;
  }

  close(requests: OpenRequests): void {
    requests.close();
    this.#holders.delete(requests);
  }

  #sendLargestAway(): void {
    const largest = [...this.#holders.values()].reduce((most, one) => (one.bytes > most.bytes ? one : most));
    largest.sendAway();
  }
}
