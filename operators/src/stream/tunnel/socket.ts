// SPDX-License-Identifier: Apache-2.0
import { capReceived } from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import WebSocket from "ws";

/** The part of a WebSocket that a tunnel uses. */
export interface TunnelSocket {
  /** One message of the kind "text", as KubeEdge insists. @param sent it left, or the socket is over */
  send(message: Buffer, sent: () => void): void;
  pause(): void;
  resume(): void;
}

type SetSocket = (this: WebSocket, socket: Duplex, head: Buffer, options: object) => void;

/** A WebSocket on which no message is too long for its connection. */
export class CappedWebSocket extends WebSocket {
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    (WebSocket.prototype as unknown as { setSocket: SetSocket }).setSocket.call(this, socket, head, options);
    capReceived(this);
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
