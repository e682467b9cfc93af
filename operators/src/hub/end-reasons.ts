// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";

/** Why a session ends: the label of the metric, the close code, and what the peer is told. */
export interface EndReason {
  readonly label: string;
  readonly code: number;
  readonly text: string;
}

const reason = (label: string, code: number, text: string): EndReason => ({ label, code, text });

/** Every way in which the hub ends a session. */
export const EndReasons = {
  badMessage: reason("bad_message", CloseCode.badMessage, "bad message"),
  badType: reason("bad_message", 1003, "text frames only"),
  badStream: reason("bad_stream", CloseCode.badMessage, "bad stream"),
  tooLarge: reason("too_large", CloseCode.tooLarge, "inventory too large"),
  frameTooLarge: reason("too_large", 1009, ""),
  expired: reason("identity", CloseCode.identity, "certificate expired"),
  helloTimeout: reason("hello_timeout", CloseCode.helloTimeout, "no hello"),
  inventoryTimeout: reason("hello_timeout", CloseCode.helloTimeout, "no inventory"),
  superseded: reason("superseded", CloseCode.superseded, "superseded by a newer session"),
  rate: reason("rate", CloseCode.rate, "too many messages"),
  resync: reason("resync", CloseCode.unavailable, "resync retryAfter=1"),
  draining: reason("draining", CloseCode.unavailable, "draining retryAfter=1"),
  keepalive: reason("keepalive_timeout", 1001, "no keepalive"),
  nodeDeleted: reason("node_deleted", 1001, "node deleted"),
  /** These are cut without a closing handshake. */
  silent: reason("silent", 1006, ""),
  slow: reason("slow_consumer", 1006, ""),
} as const;

/** The peer closed, or the connection broke. */
export const peerClosed = (code: number): EndReason =>
  reason(code === 1006 ? "broken" : code === 1009 ? "too_large" : "peer_closed", code, "");
