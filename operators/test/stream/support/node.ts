// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import {
  createMux,
  STREAM_LIMITS,
  StreamError,
  type IncomingStream,
  type Mux,
  type OpenedStream,
  type StreamHead,
  type StreamOpener,
  type StreamRequest,
} from "@longshore/crds/stream";
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { systemClock } from "../../../src/runtime/index.ts";

/** What a node was asked, in the hands of the test. */
export interface Asked {
  readonly request: StreamRequest;
  readonly signal: AbortSignal;
  accept(head?: StreamHead): Duplex;
  refuse(error: StreamError): void;
}

/** A node with a session at a hub: streams on a connection within the process, and a test that answers. */
export class FakeNode implements StreamOpener {
  readonly asked: Asked[] = [];
  readonly #events = new EventEmitter();
  readonly #hub: Mux;
  readonly #edge: Mux;

  constructor() {
    const muxOf = (peer: () => Mux, onIncoming?: (incoming: IncomingStream) => void): Mux =>
      createMux({
        socket: {
          send: (head, payload) => {
            const message = Buffer.concat(payload === undefined ? [head] : [head, payload]);
            setImmediate(() => peer().receive(message));
          },
          isWritable: () => true,
        },
        limits: STREAM_LIMITS,
        clock: systemClock,
        onViolation: (reason) => {
          throw new Error(reason);
        },
        ...(onIncoming === undefined ? {} : { onIncoming }),
      });
    this.#hub = muxOf(() => this.#edge);
    this.#edge = muxOf(
      () => this.#hub,
      (incoming) => this.#take(incoming),
    );
  }

  get live(): number {
    return this.#edge.live;
  }

  open(request: StreamRequest, signal?: AbortSignal): Promise<OpenedStream> {
    return this.#hub.open(request, signal);
  }

  /** The next one that is asked, or was asked already. */
  async next(): Promise<Asked> {
    if (this.asked.length === 0) await once(this.#events, "asked");
    return this.asked.shift()!;
  }

  /** The session is over. */
  lose(): void {
    this.#hub.close(new StreamError("LOST", "the session is over"));
    this.#edge.close(new StreamError("LOST", "the session is over"));
  }

  #take(incoming: IncomingStream): void {
    this.asked.push({
      request: incoming.request as StreamRequest,
      signal: incoming.signal,
      accept: (head = {}) => incoming.accept(head),
      refuse: (error) => incoming.refuse(error),
    });
    this.#events.emit("asked");
  }
}
