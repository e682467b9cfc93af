// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import type { StreamError } from "./errors.ts";
import type { StreamLimits } from "./limits.ts";
import type { OpenedStream } from "./port.ts";
import type { StreamHead } from "./request.ts";

/** The connection below, shared with control traffic, which never waits for streams. */
export interface MuxSocket {
  /** One binary message, in parts that need not be copied together. */
  send(head: Buffer, payload?: Buffer): void;
  /** Little enough is buffered that control traffic written now leaves soon. Asked before each data frame. */
  isWritable(): boolean;
}

/** A stream that the other side wants to open. Exactly one of accept and refuse is called. */
export interface IncomingStream {
  /** What was asked, parsed from JSON but not judged. */
  readonly request: unknown;
  /** Aborted when the other side gives up before it was answered. */
  readonly signal: AbortSignal;
  accept(head: StreamHead): Duplex;
  refuse(error: StreamError): void;
}

export interface MuxDeps {
  readonly socket: MuxSocket;
  readonly limits: StreamLimits;
  /** Absent: the other side may open none. */
  readonly onIncoming?: (incoming: IncomingStream) => void;
  /** The peer broke the rules in a way that ends the connection (B143, B144): close it with 4400. */
  readonly onViolation: (reason: string) => void;
  /** After each change of the number of live streams. */
  readonly onCount?: (live: number) => void;
  readonly clock: { nowMs(): number; schedule(delayMs: number, run: () => void): () => void };
}

/** Streams on one connection: each with its own window, so that a stalled reader holds nothing but itself. */
export interface Mux {
  /** @throws {StreamError} */
  open(request: unknown, signal?: AbortSignal): Promise<OpenedStream>;
  /** One binary message of the peer. */
  receive(message: Buffer): void;
  /** The socket below is writable again. */
  drained(): void;
  /** The connection is over: every stream ends with this. */
  close(error: StreamError): void;
  readonly live: number;
}
