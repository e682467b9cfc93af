// SPDX-License-Identifier: Apache-2.0
import { capReceived, RECEIVED_MESSAGE_BYTES } from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { SessionSocket } from "./session.ts";

/** PEM of this node's identity and of the one CA that it trusts. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface DialOptions {
  /** `wss://host:port`, without a path */
  readonly server: string;
  readonly node: string;
  /** Told to the cloud; KubeEdge knows nodes by it too. */
  readonly ip: string;
  readonly tls: TlsIdentity;
  readonly handshakeTimeoutMs: number;
}

const PATH = "/v1/kubeedge/connect";

type SetSocket = (this: WebSocket, socket: Duplex, head: Buffer, options: object) => void;

/** A WebSocket on which no message is too long for its connection. */
class CappedWebSocket extends WebSocket {
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    (WebSocket.prototype as unknown as { setSocket: SetSocket }).setSocket.call(this, socket, head, options);
    capReceived(this);
  }
}

/** Starts a dial of KubeEdge's stream tunnel. The socket emits `open` or `error`, then `close`. */
export function dial({ server, node, ip, tls, handshakeTimeoutMs }: DialOptions): WebSocket {
  return new CappedWebSocket(`${server}${PATH}`, {
    headers: { SessionHostNameOverride: node, SessionInternalIP: ip },
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    minVersion: "TLSv1.2", // CloudCore may be limited to it
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: RECEIVED_MESSAGE_BYTES,
    // Payloads are any bytes, in messages that call themselves text.
    skipUTF8Validation: true,
    perMessageDeflate: false,
    followRedirects: false,
  });
}

/** A socket as a session uses it. */
export const asSessionSocket = (ws: WebSocket): SessionSocket => ({
  send: (message) =>
    new Promise((resolve) => {
      if (ws.readyState === ws.OPEN) ws.send(message, { binary: false, compress: false }, () => resolve());
      else resolve();
    }),
  pause: () => ws.pause(),
  resume: () => ws.resume(),
});
