// SPDX-License-Identifier: Apache-2.0
import { createMessageCap, MAX_TUNNEL_MESSAGE_BYTES } from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import WebSocket from "ws";

/** The part of a WebSocket that a tunnel uses. */
export interface TunnelSocket {
  /** One message of the kind "text", as KubeEdge insists. @param sent it left, or the socket is over */
  send(message: Buffer, sent: () => void): void;
  pause(): void;
  resume(): void;
}

/** One byte more than is well formed, by which a message that was too long is known. */
export const RECEIVED_MESSAGE_BYTES = MAX_TUNNEL_MESSAGE_BYTES + 1;

type SetSocket = (this: WebSocket, socket: Duplex, head: Buffer, options: object) => void;
interface Receiver {
  write(chunk: Buffer): boolean;
}

/**
 * A WebSocket on which a message that is far too long is shortened while it arrives, to end its stream alone (S6).
 * ws itself would close the connection, and with it every stream of the node.
 */
export class CappedWebSocket extends WebSocket {
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    (WebSocket.prototype as unknown as { setSocket: SetSocket }).setSocket.call(this, socket, head, options);
    const { _receiver: receiver } = this as unknown as { _receiver: Receiver };
    const cap = createMessageCap(RECEIVED_MESSAGE_BYTES);
    const write = receiver.write.bind(receiver);
    receiver.write = (chunk) => {
      let wantsMore = true;
      for (const part of cap(chunk)) wantsMore = write(part);
      return wantsMore;
    };
  }
}

/** A socket as a tunnel uses it. @param maxUnsentBytes beyond it the peer, which reads nothing, is cut off */
export const asTunnelSocket = (ws: WebSocket, maxUnsentBytes: number): TunnelSocket => ({
  send: (message, sent) => {
    if (ws.readyState === ws.OPEN) ws.send(message, { binary: false, compress: false }, () => sent());
    else sent();
    if (ws.bufferedAmount > maxUnsentBytes) ws.terminate();
  },
  pause: () => ws.pause(),
  resume: () => ws.resume(),
});
