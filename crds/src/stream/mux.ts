// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";
import {
  decodeStreamFrame,
  encodeReset,
  encodeText,
  FRAME_TYPE,
  streamNumber,
  StreamFrameError,
  type StreamFrame,
} from "./frame.ts";
import { Incoming } from "./mux-incoming.ts";
import type { MuxLink, Party } from "./mux-link.ts";
import { awaitAnswer } from "./mux-opening.ts";
import type { Mux, MuxDeps } from "./mux-port.ts";
import { Strays } from "./mux-strays.ts";
import { Turns, type Sender } from "./mux-turns.ts";
import type { OpenedStream } from "./port.ts";

type Open = Extract<StreamFrame, { type: "open" }>;

const LAST_NUMBER = 0x7fffffff;

class Multiplexer implements Mux, MuxLink {
  readonly limits: MuxDeps["limits"];
  readonly #deps: MuxDeps;
  readonly #parties = new Map<number, Party>();
  readonly #turns: Turns;
  readonly #strays: Strays;
  #highestOwn = 0;
  #highestOfPeer = 0;
  /** Set when the connection is over. */
  #closed: StreamError | undefined;
  #isViolated = false;

  constructor(deps: MuxDeps) {
    this.#deps = deps;
    this.limits = deps.limits;
    this.#turns = new Turns(() => this.#closed === undefined && deps.socket.isWritable());
    this.#strays = new Strays(deps.limits.strayPer10s, () => deps.clock.nowMs());
  }

  get live(): number {
    return this.#parties.size;
  }

  async open(request: unknown, signal?: AbortSignal): Promise<OpenedStream> {
    this.#checkOpen(signal);
    const id = this.#highestOwn + 1;
    const frame = encodeText(FRAME_TYPE.OPEN, id, request, this.limits);
    if (!frame) throw new StreamError("BAD_REQUEST", "the request is too long");
    this.#highestOwn = id;
    const answer = awaitAnswer(this, id, this.#deps.clock, signal);
    this.send(frame);
    return answer;
  }

  receive(message: Buffer): void {
    if (this.#closed || this.#isViolated) return;
    const frame = this.#decode(message);
    if (!frame) return;
    if (frame.type === "open") {
      this.#onOpen(frame);
      return;
    }
    const party = this.#parties.get(frame.id);
    if (party) party.receive(frame);
    else if (!this.#wasOpened(frame.id)) this.#onStray(frame);
    // else it was under way when the stream ended (B145)
  }

  drained(): void {
    this.#turns.take();
  }

  close(error: StreamError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const [id, party] of [...this.#parties]) {
      this.#parties.delete(id);
      party.lose(error);
    }
    this.#deps.onCount?.(0);
  }

  send(head: Buffer, payload?: Buffer): void {
    if (!this.#closed) this.#deps.socket.send(head, payload);
  }

  ready(sender: Sender): void {
    this.#turns.add(sender);
  }

  hand(id: number, party: Party): void {
    const isNew = !this.#parties.has(id);
    this.#parties.set(id, party);
    if (isNew) this.#deps.onCount?.(this.live);
  }

  drop(id: number, why?: StreamError): void {
    if (!this.#parties.delete(id)) return;
    if (why) this.send(encodeReset(id, why));
    this.#deps.onCount?.(this.live);
  }

  #checkOpen(signal: AbortSignal | undefined): void {
    if (this.#closed) throw this.#closed;
    if (signal?.aborted) throw new StreamError("CANCELLED", "the stream was given up");
    if (this.live >= this.limits.maxStreams) throw new StreamError("TOO_MANY", "too many streams at once");
    if (this.#highestOwn < LAST_NUMBER) return;
    this.#violation("all stream ids of this connection are used up");
    throw new StreamError("TOO_MANY", "all streams of this connection are used up");
  }

  #decode(message: Buffer): StreamFrame | undefined {
    try {
      return decodeStreamFrame(message, this.limits.maxTextBytes);
    } catch (error) {
      if (!(error instanceof StreamFrameError)) throw error;
      this.#violation(error.message);
      return undefined;
    }
  }

  #onOpen(open: Open): void {
    const number = streamNumber(open.id);
    if (number <= this.#highestOfPeer) {
      this.#violation(`open of stream ${number}, which was opened before`);
      return;
    }
    this.#highestOfPeer = number;
    const { onIncoming } = this.#deps;
    if (!onIncoming) {
      this.#onStray(open);
      return;
    }
    if (this.live >= this.limits.maxStreams) {
      this.send(encodeReset(open.id, new StreamError("TOO_MANY", "too many streams at once")));
      return;
    }
    const incoming = new Incoming(this, open);
    this.hand(open.id, incoming);
    onIncoming(incoming);
  }

  #wasOpened(id: number): boolean {
    return streamNumber(id) <= (id > 0 ? this.#highestOwn : this.#highestOfPeer);
  }

  #onStray(frame: StreamFrame): void {
    // A reset is not answered, or two confused ends would answer each other for ever.
    if (frame.type !== "reset")
      this.send(encodeReset(frame.id, new StreamError("BAD_REQUEST", "no such stream")));
    if (this.#strays.add()) this.#violation("too many frames for streams that never were");
  }

  #violation(reason: string): void {
    if (this.#isViolated) return;
    this.#isViolated = true;
    this.#deps.onViolation(reason);
  }
}

/**
 * Streams on one connection, to either side. A message given to `receive`, and a buffer written to a stream, belong
 * to the streams from then on: neither may be used again.
 */
export const createMux = (deps: MuxDeps): Mux => new Multiplexer(deps);
