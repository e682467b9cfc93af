// SPDX-License-Identifier: Apache-2.0
import { RECEIVED_MESSAGE_BYTES } from "@longshore/crds/stream";
import { constants } from "node:crypto";
import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket, type SecureContextOptions } from "node:tls";
import { WebSocketServer, type WebSocket } from "ws";
import type { StreamTunnelOptions } from "./options.ts";
import { CappedWebSocket } from "./socket.ts";

/** PEM. `ca` signs the edges' certificates; several during a change of CA. */
export interface TlsMaterial {
  readonly ca: string | readonly string[];
  readonly cert: string;
  readonly key: string;
}

/** Why a connection is answered without an upgrade. */
export interface TunnelRefusal {
  readonly status: number;
  /** Label of the metric and text of the answer. */
  readonly reason: string;
}

export interface ListenerDeps {
  readonly options: StreamTunnelOptions;
  readonly tls: TlsMaterial;
  /** Who it is, asked before the upgrade. */
  readonly admit: (socket: TLSSocket, headers: IncomingHttpHeaders) => string | TunnelRefusal;
  /** The listeners of the socket must be there when this returns. */
  readonly accept: (ws: WebSocket, node: string) => void;
  readonly onRefused: (refusal: TunnelRefusal) => void;
}

export interface TunnelListener {
  listen(): Promise<void>;
  /** 0 until it listens */
  readonly port: number;
  /** New connections get this from now on; those that exist stay. */
  setTls(tls: TlsMaterial): void;
  close(): Promise<void>;
}

const PATH = "/v1/kubeedge/connect";
const HANDSHAKE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 5_000;
const MAX_HEADER_BYTES = 8 * 1024;
/** EdgeCore writes fragments of 4 KiB. */
const MAX_FRAGMENTS = 2_048;

const SOCKETS = {
  noServer: true,
  WebSocket: CappedWebSocket,
  maxPayload: RECEIVED_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  // Payloads are any bytes, in messages that call themselves text.
  skipUTF8Validation: true,
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

/** Port 10004: WebSockets over TLS with client certificates, where EdgeCore's edgeStream dials. */
export function createTunnelListener(deps: ListenerDeps): TunnelListener {
  const { options } = deps;
  const server = createServer({
    ...contextOf(deps.tls, options),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HANDSHAKE_TIMEOUT_MS,
    requestTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  server.maxConnections = options.maxTunnels * 2 + 1024;
  // Of TCP, so also those whose TLS never gets done.
  const connections = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  const sockets = new WebSocketServer(SOCKETS);
  server.on("request", (_request, response) => {
    deps.onRefused({ status: 426, reason: "upgrade_required" });
    response.writeHead(426, { connection: "close" }).end("upgrade required\n");
  });
  server.on("upgrade", (request, socket, head) => {
    // The peer may cut the connection at any moment before the upgrade is done.
    socket.on("error", () => socket.destroy());
    const node = judge(request, socket, deps);
    if (typeof node === "string") sockets.handleUpgrade(request, socket, head, (ws) => deps.accept(ws, node));
    else {
      deps.onRefused(node);
      answer(socket, node);
    }
  });
  return {
    listen: () => listen(server, options),
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0;
    },
    setTls: (tls) => server.setSecureContext(contextOf(tls, options)),
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function judge(request: IncomingMessage, socket: Duplex, deps: ListenerDeps): string | TunnelRefusal {
  const { headers, url = "" } = request;
  if (url.split("?", 1)[0] !== PATH) return { status: 404, reason: "path" };
  if (headers.origin !== undefined) return { status: 403, reason: "origin" };
  if (!(socket instanceof TLSSocket)) return { status: 403, reason: "identity" };
  try {
    return deps.admit(socket, headers);
  } catch {
    // A certificate of our own CA that cannot be read: nobody whom we know, and counted as that.
    return { status: 403, reason: "identity" };
  }
}

function answer(socket: Duplex, { status, reason }: TunnelRefusal): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "refused"}`;
  const text = `${reason}\n`;
  socket.once("finish", () => socket.destroy());
  socket.end(`${head}\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
}

function listen(server: Server, { host, port }: StreamTunnelOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function contextOf(tls: TlsMaterial, options: StreamTunnelOptions): SecureContextOptions {
  return {
    ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca],
    cert: tls.cert,
    key: tls.key,
    minVersion: options.minTlsVersion,
    // A resumed session presents no certificate, and outlives the one that it began with.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
