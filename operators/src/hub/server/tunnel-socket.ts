// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import WebSocket from "ws";

/** The part of a WebSocket that a session uses. */
export interface PeerSocket {
  readonly bufferedAmount: number;
  on(event: "message", listener: (data: unknown, isBinary: boolean) => void): unknown;
  on(event: "close", listener: (code: number) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "ping" | "pong", listener: () => void): unknown;
  send(data: string | Buffer, options: { binary: boolean; compress: boolean }): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

interface SocketLimits {
  readonly maxPayload: number;
  readonly maxFragments: number;
}

type SetSocket = (this: WebSocket, socket: Duplex, head: Buffer, limits: SocketLimits) => void;

const negotiated = new WeakSet<Duplex>();

/** The peer on this socket offered our protocol: the limits of our frames apply. */
export function markNegotiated(socket: Duplex): void {
  negotiated.add(socket);
}

/**
 * A WebSocket whose limits depend on its peer. ws has one set of limits a server, and hands them over in `setSocket`
 * after the upgrade's headers went out; refusing a big frame only when it is whole would have stored it first (B50).
 */
export function createTunnelSocketClass(limits: SocketLimits): typeof WebSocket {
  const { setSocket } = WebSocket.prototype as unknown as { setSocket: SetSocket };
  class TunnelSocket extends WebSocket {
    setSocket(socket: Duplex, head: Buffer, given: SocketLimits): void {
      setSocket.call(this, socket, head, negotiated.has(socket) ? { ...given, ...limits } : given);
    }
  }
  return TunnelSocket;
}
