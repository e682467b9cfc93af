// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

/** The tunnel as one of its streams sees it. */
export interface StreamLink {
  /** Most bytes of one message. */
  readonly chunkBytes: number;
  /** One message of data; `sent` when it left, or will never. */
  sendData(connection: number, payload: Buffer, sent: () => void): void;
  /** Now `bytes` wait for the reader, and `before` did. */
  onHeld(stream: TunnelStream, bytes: number, before: number): void;
  /** The first byte is there, or the end; called once, unless it is destroyed before. */
  onAnswer(stream: TunnelStream): void;
  /** It is over. @param tell the node does not know */
  onOver(stream: TunnelStream, tell: boolean, error: Error | null): void;
}

export interface StreamKind {
  /** Bytes go to the node too. */
  readonly isUpgrade: boolean;
  /** An end before the first byte is a failure. */
  readonly needsAnswer: boolean;
}

/** One stream in KubeEdge's tunnel, at the cloud's end. */
export class TunnelStream extends Duplex {
  readonly connection: number;
  readonly #link: StreamLink;
  readonly #kind: StreamKind;
  #heldBytes = 0;
  #isAnswered = false;
  /** The node ended it, or has been told, or is gone. */
  #isOver = false;

  constructor(link: StreamLink, connection: number, kind: StreamKind) {
    super({ allowHalfOpen: true });
    this.#link = link;
    this.#kind = kind;
    this.connection = connection;
    // It may fail before anybody listens, which must not end the process; `finished` and `pipeline` tell late.
    this.on("error", () => undefined);
    if (!kind.isUpgrade) this.end();
  }

  /** Data of the node. */
  receive(payload: Buffer): void {
    if (this.#isOver || payload.length === 0) return;
    this.push(payload);
    this.#settle();
    this.#answer();
  }

  /** The node has finished. */
  receiveEnd(): void {
    if (this.#isOver) return;
    if (this.#kind.needsAnswer && !this.#isAnswered) {
      this.lose(new StreamError("INTERNAL", "the node ended the stream without an answer"));
      return;
    }
    this.#finish(false);
    this.#answer();
  }

  /** There is nobody to tell any more. */
  lose(error: StreamError): void {
    this.#isOver = true;
    this.destroy(error);
  }

  /** Every read passes here, whatever way the stream is consumed. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    this.#settle();
    return chunk;
  }

  override _read(): void {
    // The node sends as it likes; nobody has to be asked.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    const sendFrom = (offset: number): void => {
      if (this.#isOver || offset >= chunk.length) {
        done();
        return;
      }
      const end = offset + this.#link.chunkBytes;
      this.#link.sendData(this.connection, chunk.subarray(offset, end), () => sendFrom(end));
    };
    sendFrom(0);
  }

  /** The protocol knows no half that is closed: who has finished sending an upgrade has finished. */
  override _final(done: Done): void {
    if (this.#kind.isUpgrade) this.#finish(true);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const isTold = this.#isOver;
    this.#isOver = true;
    this.#link.onHeld(this, 0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#link.onOver(this, !isTold, error);
    done(error);
  }

  #finish(tell: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.push(null);
    this.#link.onOver(this, tell, null);
  }

  #answer(): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#link.onAnswer(this);
  }

  #settle(): void {
    const before = this.#heldBytes;
    // A read that was due when it was destroyed still comes, and finds what nobody will take.
    if (this.destroyed || this.readableLength === before) return;
    this.#heldBytes = this.readableLength;
    this.#link.onHeld(this, this.#heldBytes, before);
  }
}
