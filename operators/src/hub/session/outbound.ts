// SPDX-License-Identifier: Apache-2.0
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import type { PeerSocket } from "../server/index.ts";

const TEXT = { binary: false, compress: false };
const BINARY = { binary: true, compress: false };

/** The sending side of one socket: counts, and knows whether the peer takes what it gets. */
export class Outbound {
  readonly #ws: PeerSocket;
  readonly #options: HubOptions;
  readonly #metrics: HubMetrics;
  #written = 0;
  #delivered = 0;
  #progressAtMs: number;

  constructor(ws: PeerSocket, deps: { options: HubOptions; metrics: HubMetrics }, nowMs: number) {
    this.#ws = ws;
    this.#options = deps.options;
    this.#metrics = deps.metrics;
    this.#progressAtMs = nowMs;
  }

  get buffered(): number {
    return this.#ws.bufferedAmount;
  }

  /** The pump may go on. */
  writable(): boolean {
    return this.#ws.bufferedAmount < this.#options.pauseBytes;
  }

  write(frame: string | Buffer, resource: string): number {
    const bytes = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    this.#ws.send(frame, TEXT);
    this.#wrote(bytes, resource);
    return bytes;
  }

  /** One message of the streams. */
  writeBinary(head: Buffer, payload?: Buffer): void {
    const message = payload === undefined ? head : Buffer.concat([head, payload]);
    this.#ws.send(message, BINARY);
    this.#wrote(message.length, "stream");
  }

  #wrote(bytes: number, resource: string): void {
    this.#written += bytes;
    this.#metrics.messages.inc({ direction: "down", resource });
    this.#metrics.bytes.inc({ direction: "down" }, bytes);
  }

  /** The peer reads nothing, or replies pile up beyond all limits. */
  stuck(nowMs: number): boolean {
    const buffered = this.#ws.bufferedAmount;
    const delivered = this.#written - buffered;
    if (buffered === 0 || delivered > this.#delivered) {
      this.#delivered = delivered;
      this.#progressAtMs = nowMs;
    }
    return (
      buffered > this.#options.maxBufferedBytes ||
      nowMs - this.#progressAtMs >= this.#options.progressTimeoutMs
    );
  }
}
