// SPDX-License-Identifier: Apache-2.0
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "@longshore/crds/wire";
import { WebSocket } from "ws";
import { TunnelError } from "./port.ts";
import { retryAfterOfHeader } from "./retry-after.ts";

/** PEM of this node's identity and of the one CA that it trusts. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where to dial, as whom. */
export interface DialOptions {
  /** `wss://host:port`, without a path */
  readonly server: string;
  readonly node: string;
  readonly projectId: string;
  readonly negotiate: boolean;
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly tls: TlsIdentity;
}

/** An answer to the upgrade that was not 101. */
export class DialRefusedError extends TunnelError {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  constructor(status: number, retryAfterMs: number | undefined) {
    super("REFUSED", `the hub answered the upgrade with status ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Starts a dial. The socket emits `open` or `error`, then `close`; a refusal is a DialRefusedError. */
export function dial(options: DialOptions): { socket: WebSocket; isNegotiated: () => boolean } {
  const { server, projectId, node, tls } = options;
  const offer = options.negotiate ? { "Longshore-Protocol": PROTOCOL_VERSION } : {};
  const socket = new WebSocket(`${server}/${projectId}/${node}/events`, {
    headers: { node_id: node, project_id: projectId, ConnectionUse: "msg", ...offer },
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    minVersion: "TLSv1.2", // CloudCore may be limited to it; ours answers with 1.3
    handshakeTimeout: options.handshakeTimeoutMs,
    maxPayload: options.maxPayloadBytes,
    perMessageDeflate: false,
    followRedirects: false,
    // A mask of zeros: nothing between the two can read what TLS carries, and masking costs both sides a pass over it.
    // Without TLS a proxy might take what is sent for requests (RFC 6455, 10.3).
    ...(server.startsWith("wss:") && { generateMask: (mask: Buffer) => void mask.fill(0) }),
  });
  let negotiated = false;
  socket.on("upgrade", (response) => {
    negotiated = options.negotiate && response.headers[PROTOCOL_HEADER] === PROTOCOL_VERSION;
  });
  // Nothing of the body is read: it may be endless (CVE-2022-31080).
  socket.on("unexpected-response", (_request, response) => {
    const retryAfterMs = retryAfterOfHeader(response.headers["retry-after"]);
    socket.emit("error", new DialRefusedError(response.statusCode ?? 0, retryAfterMs));
    socket.terminate();
  });
  return { socket, isNegotiated: () => negotiated };
}
