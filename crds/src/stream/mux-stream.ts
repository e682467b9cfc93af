// SPDX-License-Identifier: Apache-2.0
import { Duplex } from "node:stream";
import { StreamError } from "./errors.ts";
import { encodeWindow, FRAME_TYPE, frameHead, type StreamFrame } from "./frame.ts";
import { Inflow, Outflow, type WriteDone } from "./mux-flow.ts";
import { Gather } from "./mux-gather.ts";
import type { MuxLink, Party } from "./mux-link.ts";
import type { Sender } from "./mux-turns.ts";

/** What a writer may have waiting before it is told to pause. */
const WRITE_BUFFER_BYTES = 64 * 1024;

/** One stream, at either end. */
export class MuxStream extends Duplex implements Party, Sender {
  isQueued = false;
  readonly #link: MuxLink;
  readonly #id: number;
  readonly #dataHead: Buffer;
  readonly #inflow: Inflow;
  readonly #outflow: Outflow;
  readonly #gather = new Gather();
  /** What the reader asked for in vain and waits for. */
  #wantedBytes = 1;
  #isEndSent = false;
  #isEndReceived = false;
  /** The peer ended it, or there is no peer any more. */
  #isPeerGone = false;

  /** @param creditBytes what the peer takes at first */
  constructor(link: MuxLink, id: number, creditBytes: number) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: link.limits.windowBytes,
      writableHighWaterMark: WRITE_BUFFER_BYTES,
    });
    this.#link = link;
    this.#id = id;
    this.#dataHead = frameHead(FRAME_TYPE.DATA, id);
    this.#inflow = new Inflow(link.limits.windowBytes);
    this.#outflow = new Outflow(creditBytes);
    // A stream may fail before anybody listens, which must not end the process; `finished` and `pipeline` tell late.
    this.on("error", () => undefined);
  }

  receive(frame: StreamFrame): void {
    if (frame.type === "data") this.#onData(frame.payload);
    else if (frame.type === "window") this.#onWindow(frame.creditBytes);
    else if (frame.type === "end") this.#onEnd();
    else if (frame.type === "reset") this.lose(frame.error);
    else this.destroy(new StreamError("BAD_REQUEST", `${frame.type} in the middle of a stream`));
  }

  lose(error: StreamError): void {
    this.#isPeerGone = true;
    this.destroy(error);
  }

  sendChunk(): boolean {
    if (!this.#outflow.isSendable) return false;
    this.#link.send(this.#dataHead, this.#outflow.take(this.#link.limits.chunkBytes));
    this.#outflow.settle();
    return this.#outflow.isSendable;
  }

  /** Every read passes here, whatever way the stream is consumed; that is when credit goes back. */
  override read(size?: number): unknown {
    if (size !== undefined && size > this.readableLength) this.#flush();
    const chunk: unknown = super.read(size);
    if (size !== 0) this.#wantedBytes = chunk === null ? (size ?? 1) : 1;
    if (this.readableLength < this.#wantedBytes) this.#flush();
    this.#grant();
    return chunk;
  }

  override _read(): void {
    // The peer sends as far as its credit goes; nobody has to be asked.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#hold([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: WriteDone): void {
    this.#hold(
      chunks.map((each) => each.chunk),
      done,
    );
  }

  override _final(done: WriteDone): void {
    this.#isEndSent = true;
    this.#link.send(frameHead(FRAME_TYPE.END, this.#id));
    done(null);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    const isOver = this.#isPeerGone || (this.#isEndSent && this.#isEndReceived);
    this.#isPeerGone = true;
    const why =
      error instanceof StreamError ? error : new StreamError("CANCELLED", "the stream was given up");
    this.#link.drop(this.#id, isOver ? undefined : why);
    this.#outflow.abandon(why);
    this.#gather.flush();
    done(error);
  }

  #onData(payload: Buffer): void {
    if (this.#isEndReceived || payload.length === 0) return;
    if (!this.#inflow.receive(payload.length)) {
      this.destroy(new StreamError("FLOW_CONTROL", "more was sent than the window allows"));
      return;
    }
    this.#deliver(payload);
    this.#grant();
  }

  #deliver(payload: Buffer): void {
    if (this.readableLength >= this.#wantedBytes && this.#gather.takes(payload)) {
      const gathered = this.#gather.add(payload);
      if (gathered) this.push(gathered);
    } else {
      this.#flush();
      this.push(payload);
    }
  }

  #flush(): void {
    const gathered = this.#gather.flush();
    if (gathered) this.push(gathered);
  }

  #onWindow(creditBytes: number): void {
    this.#outflow.credit(creditBytes);
    if (this.#outflow.isSendable) this.#link.ready(this);
  }

  #onEnd(): void {
    if (this.#isEndReceived) return;
    this.#isEndReceived = true;
    this.#flush();
    this.push(null);
  }

  #grant(): void {
    if (this.#isEndReceived || this.#isPeerGone) return;
    const creditBytes = this.#inflow.grant(this.readableLength + this.#gather.bytes);
    if (creditBytes > 0) this.#link.send(encodeWindow(this.#id, creditBytes));
  }

  #hold(parts: readonly Buffer[], done: WriteDone): void {
    this.#outflow.hold(parts, done);
    if (this.#outflow.isSendable) this.#link.ready(this);
    else this.#outflow.settle();
  }
}
