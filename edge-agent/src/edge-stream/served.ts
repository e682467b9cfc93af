// SPDX-License-Identifier: Apache-2.0
import { StreamError, toStreamError, type OpenedStream } from "@longshore/crds/stream";
import type { Duplex } from "node:stream";

/** The tunnel as one of its streams sees it. */
export interface ServedLink {
  readonly chunkBytes: number;
  /** One message of data for the cloud. @returns when it left, or never will */
  sendData(connection: number, payload: Buffer): Promise<void>;
  /** Now `bytes` wait to be taken here, and `before` did. */
  onHeld(stream: ServedStream, bytes: number, before: number): void;
}

/** What a stream is made of. */
export interface Serving {
  readonly connection: number;
  /** Bytes of the cloud are taken too. */
  readonly isUpgrade: boolean;
  /** @throws {StreamError} */
  readonly open: (signal: AbortSignal) => Promise<OpenedStream>;
  readonly refusal: (error: StreamError) => Buffer;
}

/** One stream that a CloudCore asked for. */
export class ServedStream {
  readonly #link: ServedLink;
  readonly #serving: Serving;
  readonly #abort = new AbortController();
  #stream: Duplex | undefined;
  /** What came before the stream was open. */
  #early: Buffer[] = [];
  #heldBytes = 0;
  #isOver = false;

  constructor(link: ServedLink, serving: Serving) {
    this.#link = link;
    this.#serving = serving;
  }

  /** Serves it to its end. @returns how it went; the cloud has not been told of the end yet */
  async run(): Promise<"ok" | StreamError> {
    try {
      const { stream } = await this.#serving.open(this.#abort.signal);
      this.#begin(stream);
    } catch (error) {
      return await this.#refuse(toStreamError(error));
    }
    try {
      await this.#pump();
      return "ok";
    } catch (error) {
      return toStreamError(error);
    } finally {
      this.destroy(new StreamError("CANCELLED", "the stream has ended"));
    }
  }

  /** Data of the cloud. */
  receive(payload: Buffer): void {
    if (this.#isOver || !this.#serving.isUpgrade || payload.length === 0) return;
    this.#hold(payload.length);
    // That may have been too much.
    if (this.#abort.signal.aborted) return;
    if (this.#stream === undefined) this.#early.push(payload);
    else this.#write(this.#stream, payload);
  }

  /** Ends it here; the cloud is told by whoever called `run`. */
  destroy(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#abort.abort(error);
    this.#early = [];
    this.#hold(-this.#heldBytes);
    this.#stream?.destroy(error);
  }

  #begin(stream: Duplex): void {
    // It may fail between two reads, when nobody listens.
    stream.on("error", () => undefined);
    this.#stream = stream;
    if (this.#isOver) stream.destroy(new StreamError("CANCELLED", "the cloud has given it up"));
    else if (!this.#serving.isUpgrade) stream.end();
    for (const payload of this.#early.splice(0)) this.#write(stream, payload);
  }

  async #refuse(error: StreamError): Promise<StreamError> {
    if (!this.#isOver) await this.#link.sendData(this.#serving.connection, this.#serving.refusal(error));
    this.destroy(error);
    return error;
  }

  /** One message at a time is on its way, so that streams take turns and little waits in the socket. */
  async #pump(): Promise<void> {
    const { chunkBytes } = this.#link;
    for await (const chunk of this.#stream as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length && !this.#isOver; at += chunkBytes)
        await this.#link.sendData(this.#serving.connection, chunk.subarray(at, at + chunkBytes));
  }

  #write(stream: Duplex, payload: Buffer): void {
    stream.write(payload, () => this.#hold(-payload.length));
  }

  #hold(bytes: number): void {
    const before = this.#heldBytes;
    this.#heldBytes = Math.max(0, before + bytes);
    if (this.#heldBytes !== before) this.#link.onHeld(this, this.#heldBytes, before);
  }
}
