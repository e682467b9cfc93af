// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import { StreamError } from "./errors.ts";
import { encodeText, FRAME_TYPE, type StreamFrame } from "./frame.ts";
import type { MuxLink, Party } from "./mux-link.ts";
import type { IncomingStream } from "./mux-port.ts";
import { MuxStream } from "./mux-stream.ts";
import type { StreamHead } from "./request.ts";

type Open = Extract<StreamFrame, { type: "open" }>;

/** A stream that the other side asked for, until this side answers. */
export class Incoming implements IncomingStream, Party {
  readonly request: unknown;
  readonly #link: MuxLink;
  readonly #id: number;
  readonly #creditBytes: number;
  readonly #abort = new AbortController();
  #isAnswered = false;

  constructor(link: MuxLink, open: Open) {
    this.request = open.request;
    this.#link = link;
    this.#id = open.id;
    this.#creditBytes = open.creditBytes;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  receive(frame: StreamFrame): void {
    if (frame.type === "reset") {
      this.#link.drop(this.#id);
      this.lose(frame.error);
    } else {
      const error = new StreamError("BAD_REQUEST", `${frame.type} before the stream was accepted`);
      this.#link.drop(this.#id, error);
      this.lose(error);
    }
  }

  lose(error: StreamError): void {
    this.#abort.abort(error);
  }

  /** When the other side has given up meanwhile, the stream is one that is destroyed already. */
  accept(head: StreamHead): Duplex {
    this.#answer();
    const stream = new MuxStream(this.#link, this.#id, this.#creditBytes);
    if (this.#abort.signal.aborted) {
      stream.lose(this.#abort.signal.reason as StreamError);
      return stream;
    }
    this.#link.hand(this.#id, stream);
    const frame = encodeText(FRAME_TYPE.HEAD, this.#id, head, this.#link.limits);
    if (frame) this.#link.send(frame);
    else stream.destroy(new StreamError("INTERNAL", "the head of the stream is too long"));
    return stream;
  }

  refuse(error: StreamError): void {
    this.#answer();
    this.#link.drop(this.#id, error);
  }

  #answer(): void {
    if (this.#isAnswered) throw new Error("a stream is accepted or refused once");
    this.#isAnswered = true;
  }
}
