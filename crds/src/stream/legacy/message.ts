// SPDX-License-Identifier: Apache-2.0
import { TunnelMessageError } from "./errors.ts";
import { decodeUvarint, encodeUvarint, MAX_UVARINT_BYTES } from "./uvarint.ts";

/** Kinds of messages in KubeEdge's stream tunnel, by their number. */
export const TUNNEL_TYPE = {
  /** cloud to edge: opens, with JSON */
  logs: 0,
  exec: 1,
  metrics: 2,
  attach: 6,
  /** both ways: bytes of one stream */
  data: 3,
  /** both ways: this stream is over */
  remove: 4,
  /** cloud to edge: the whole tunnel is refused, with a text */
  close: 5,
} as const;

/** KubeEdge's own bound of the bytes in a message; its reader cuts off what is beyond. */
export const MAX_TUNNEL_DATA_BYTES = 1024 * 1024;
/** The greatest message that is well formed. */
export const MAX_TUNNEL_MESSAGE_BYTES = 2 * MAX_UVARINT_BYTES + MAX_TUNNEL_DATA_BYTES;

/** One WebSocket message, which KubeEdge insists is of the kind "text" although its bytes are any. */
export interface TunnelMessage {
  readonly connection: number;
  /** One of TUNNEL_TYPE, unless the peer knows more than we do. */
  readonly type: number;
  readonly payload: Buffer;
}

/** @throws {TunnelMessageError} TOO_LARGE */
export function encodeTunnelMessage({ connection, type, payload }: TunnelMessage): Buffer {
  if (payload.length > MAX_TUNNEL_DATA_BYTES)
    throw new TunnelMessageError("TOO_LARGE", "more data than a message may have", connection);
  return Buffer.concat([encodeUvarint(connection), encodeUvarint(type), payload]);
}

/** The payload is a view of the message. @throws {TunnelMessageError} */
export function decodeTunnelMessage(message: Buffer): TunnelMessage {
  const connection = decodeUvarint(message, 0);
  const type = decodeUvarint(message, connection.next);
  const payload = message.subarray(type.next);
  if (payload.length > MAX_TUNNEL_DATA_BYTES)
    throw new TunnelMessageError("TOO_LARGE", "more data than a message may have", connection.value);
  return { connection: connection.value, type: type.value, payload };
}
