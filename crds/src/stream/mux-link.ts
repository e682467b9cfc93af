// SPDX-License-Identifier: Apache-2.0
import type { StreamError } from "./errors.ts";
import type { StreamFrame } from "./frame.ts";
import type { StreamLimits } from "./limits.ts";
import type { Sender } from "./mux-turns.ts";

/** Who stands behind an id: a stream, or one that is being opened by either side. */
export interface Party {
  receive(frame: StreamFrame): void;
  /** The connection is over. Nothing can be sent. */
  lose(error: StreamError): void;
}

/** What a party may ask of its connection. */
export interface MuxLink {
  readonly limits: StreamLimits;
  send(head: Buffer, payload?: Buffer): void;
  /** The sender has something to send, and credit. */
  ready(sender: Sender): void;
  /** From now on frames of the id go to this party. */
  hand(id: number, party: Party): void;
  /** The id is over. @param why told to the peer; absent when it knows */
  drop(id: number, why?: StreamError): void;
}
