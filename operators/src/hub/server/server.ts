// SPDX-License-Identifier: Apache-2.0
import websocket, { type WebsocketPluginOptions } from "@fastify/websocket";
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "@longshore/crds/wire";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { constants } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket, type SecureContextOptions } from "node:tls";
import { admit, type Refusal } from "./admission.ts";
import type { HubOptions } from "../options.ts";
import { createTunnelSocketClass, markNegotiated, type PeerSocket } from "./tunnel-socket.ts";

/** PEM. `ca` signs the edges' certificates; several during a change of CA. */
export interface TlsMaterial {
  readonly ca: string | readonly string[];
  readonly cert: string;
  readonly key: string;
}

export interface TunnelServerDeps {
  readonly options: HubOptions;
  readonly tls: TlsMaterial;
  /** Asked for each upgrade before it happens. undefined lets it through. */
  readonly refuse: () => Refusal | undefined;
  /** A peer whose upgrade was done. The listeners of the socket must be there when this returns. */
  readonly accept: (ws: PeerSocket, request: IncomingMessage, socket: TLSSocket) => void;
  readonly onRefused: (refusal: Refusal) => void;
}

export interface TunnelServer {
  listen(): Promise<void>;
  readonly port: number;
  /** New connections get this from now on; those that exist stay. */
  setTls(tls: TlsMaterial): void;
  close(): Promise<void>;
}

type SocketClass = NonNullable<NonNullable<WebsocketPluginOptions["options"]>["WebSocket"]>;

/** A peer that does not answer our closing frame is cut after this. */
const CLOSE_TIMEOUT_MS = 5_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 8 * 1024;

/** Port 10000: WebSockets over TLS with client certificates, on any path, as EdgeCore expects. */
export async function createTunnelServer(deps: TunnelServerDeps): Promise<TunnelServer> {
  const { options } = deps;
  const app = fastify({
    https: {
      ...contextOf(deps.tls, options),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    requestTimeout: 30_000,
    bodyLimit: 1024,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  const server = app.server;
  server.headersTimeout = 10_000;
  // Handshakes in progress come on top of the sessions; beyond that TCP itself refuses.
  server.maxConnections = options.maxSessions * 2 + 1024;
  const limits = { maxPayload: options.maxFrameBytes, maxFragments: options.maxFragments };
  const socketOptions = {
    maxPayload: options.legacyMaxFrameBytes,
    maxFragments: options.legacyMaxFragments,
    perMessageDeflate: false,
    clientTracking: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  await app.register(websocket, {
    options: {
      // The plugin knows ws by its CommonJS types, which are another declaration of the same class.
      WebSocket: createTunnelSocketClass(limits) as unknown as SocketClass,
      ...socketOptions,
    },
  });
  app.websocketServer.on("headers", (headers: string[], request: IncomingMessage) => {
    if (!offersProtocol(request)) return;
    headers.push(`${PROTOCOL_HEADER}: ${PROTOCOL_VERSION}`);
    markNegotiated(request.socket);
  });
  route(app, deps);
  return {
    listen: async () => {
      await app.listen({ host: options.host, port: options.port });
    },
    get port() {
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    },
    setTls: (tls) => {
      server.setSecureContext(contextOf(tls, options));
    },
    close: async () => {
      await app.close();
    },
  };
}

/** Does the peer offer our additions to the protocol? */
export const offersProtocol = (request: IncomingMessage): boolean =>
  request.headers[PROTOCOL_HEADER] === PROTOCOL_VERSION;

function contextOf(tls: TlsMaterial, options: HubOptions): SecureContextOptions {
  return {
    ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca],
    cert: tls.cert,
    key: tls.key,
    minVersion: options.minTlsVersion,
    // A resumed session presents no certificate, and outlives the one that it began with.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function route(app: FastifyInstance, deps: TunnelServerDeps): void {
  app.addHook("preValidation", async (request: FastifyRequest, reply: FastifyReply) => {
    const refusal = admit({ isUpgrade: request.ws, headers: request.headers }) ?? deps.refuse();
    if (refusal === undefined) return;
    deps.onRefused(refusal);
    if (refusal.retryAfterSeconds !== undefined)
      reply.header("retry-after", String(refusal.retryAfterSeconds));
    await reply.code(refusal.status).send(refusal.text);
  });
  app.route({
    method: "GET",
    url: "/*",
    handler: (_request, reply) => reply.code(426).send("upgrade required"),
    wsHandler: (ws, { raw }) => {
      if (raw.socket instanceof TLSSocket) {
        letGoOfUpgrade(ws, raw.socket);
        deps.accept(ws, raw, raw.socket);
      } else ws.terminate();
    },
  });
}

/**
 * Request and response of an upgrade would stay in memory as long as the connection: the socket holds the response, and
 * the plugin's listener for errors holds both. Who accepts the connection listens for errors itself.
 */
function letGoOfUpgrade(ws: EventEmitter, socket: TLSSocket): void {
  ws.removeAllListeners("error");
  const { _httpMessage: response } = socket as TLSSocket & { _httpMessage?: ServerResponse | null };
  response?.detachSocket(socket);
}
