// SPDX-License-Identifier: Apache-2.0
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { constants } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket, type SecureContext, type SecureContextOptions } from "node:tls";
import type { Duplex } from "node:stream";
import type { Clock, Log } from "../runtime/index.ts";
import type { StreamServerOptions } from "./options.ts";
import { PEER_SERVER_NAME } from "./peers/index.ts";
import type { StreamTls } from "./port.ts";
import { callerOf, readFacts, type Authorities, type Caller } from "./trust/index.ts";

/** Whom to trust, and who we are. */
export interface Trust extends Authorities {
  readonly tls: StreamTls;
}

/** A connection that asks to become something else. */
export interface UpgradeConnection {
  readonly socket: TLSSocket;
  readonly head: Buffer;
}

export interface ListenerDeps {
  readonly options: StreamServerOptions;
  readonly trust: Trust;
  readonly clock: Clock;
  readonly log: Log;
  readonly rejects: { inc(labels: { surface: string; reason: string }): void };
  readonly onRequest: (caller: Caller, request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  readonly onUpgrade: (caller: Caller, request: IncomingMessage, connection: UpgradeConnection) => void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A command may be long, and its characters are escaped; the node judges it. */
const MAX_HEADER_BYTES = 256 * 1024;
/** The API server lets go of its idle connections after 90 s, and must not find one that we let go of before. */
const KEEP_ALIVE_MS = 120_000;
/** With the system's ten probes, a second apart, a peer that vanished is noticed within 20 s. */
const TCP_KEEP_ALIVE_MS = 5_000;

/** How long a stop waits for readers that are slow. */
const LAST_WORDS_MS = 1_000;

/** Port 10003: TLS for callers whom the certificate names, and HTTP for nobody else. */
export class Listener {
  readonly #deps: ListenerDeps;
  readonly #app: FastifyInstance<Server>;
  readonly #callers = new WeakMap<Duplex, Caller>();
  readonly #upgraded = new Set<TLSSocket>();
  /** Of TCP, so also those whose TLS never gets done. */
  readonly #connections = new Set<Socket>();
  #trust: Trust;
  #forHubs: SecureContext;

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
    this.#trust = deps.trust;
    this.#forHubs = createSecureContext(hubContextOf(deps.trust, deps.options));
    this.#app = createApp(deps, (name) => (name === PEER_SERVER_NAME ? this.#forHubs : undefined));
    const { server } = this.#app;
    server.headersTimeout = 10_000;
    server.maxConnections = deps.options.maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    // Before the listener that begins to read HTTP.
    server.prependListener("secureConnection", (socket: TLSSocket) => this.#meet(socket));
    server.on("tlsClientError", (error: NodeJS.ErrnoException) => this.#onTlsError(error));
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    this.#app.all("/*", (request, reply) => this.#answer(request, reply));
  }

  async listen(): Promise<void> {
    const { host, port } = this.#deps.options;
    await this.#app.listen({ host, port });
  }

  get port(): number {
    const address = this.#app.server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** For new connections; streams that exist stay, and connections between two requests go. */
  setTrust(trust: Trust): void {
    const { options } = this.#deps;
    this.#trust = trust;
    this.#forHubs = createSecureContext(hubContextOf(trust, options));
    this.#app.server.setSecureContext(contextOf(trust, options));
    this.#app.server.closeIdleConnections();
  }

  async close(): Promise<void> {
    const closing = this.#app.close();
    await this.#lastWords();
    for (const socket of this.#connections) socket.destroy();
    await closing;
  }

  /** Until those whose stream has failed have read so, for a command that only ends counts as a success. */
  async #lastWords(): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.schedule(LAST_WORDS_MS, resolve);
    });
    const read = [...this.#upgraded].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    await Promise.race([Promise.all(read), late]);
    cancel();
  }

  #meet(socket: TLSSocket): void {
    socket.on("error", () => undefined); // the close that follows decides
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    const facts = readFacts(socket, this.#trust);
    const judged =
      facts === undefined
        ? ({ kind: undefined, reason: "unknown" } as const)
        : callerOf(facts, this.#deps.options);
    if (judged.kind !== undefined) {
      this.#callers.set(socket, judged);
      return;
    }
    const { remoteAddress } = socket;
    this.#deps.rejects.inc({ surface: "stream", reason: judged.reason });
    this.#deps.log.warn(
      { address: remoteAddress, reason: judged.reason, names: facts?.commonNames },
      "client of the kubelet API refused",
    );
    socket.destroy();
  }

  #onTlsError(error: NodeJS.ErrnoException): void {
    // Who only looks whether the port is open ends like this as well.
    if (error.code === "ECONNRESET") {
      this.#deps.log.debug({ code: error.code }, "connection ended before it was one");
      return;
    }
    this.#deps.rejects.inc({ surface: "stream", reason: "tls" });
    this.#deps.log.warn(
      { code: error.code, reason: error.message },
      "TLS with a client of the kubelet API failed",
    );
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const caller = this.#callerOn(request.raw.socket);
    if (caller !== undefined) {
      await this.#deps.onRequest(caller, request, reply);
      return;
    }
    reply.hijack();
    request.raw.socket.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const caller = this.#callerOn(socket);
    if (caller === undefined || !(socket instanceof TLSSocket)) {
      socket.destroy();
      return;
    }
    // One direction may end before the other. As an option of the server it would hold handshakes that were given up.
    socket.allowHalfOpen = true;
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    this.#deps.onUpgrade(caller, request, { socket, head });
  }

  /** A connection may outlive the certificate that it began with. */
  #callerOn(socket: Duplex): Caller | undefined {
    const caller = this.#callers.get(socket);
    if (caller === undefined || caller.notAfterMs >= this.#deps.clock.wallMs()) return caller;
    this.#deps.rejects.inc({ surface: "stream", reason: "expired" });
    this.#deps.log.warn(
      { caller: caller.name },
      "the certificate of a client of the kubelet API has expired",
    );
    return undefined;
  }
}

function createApp(
  { options, trust }: ListenerDeps,
  contextFor: (serverName: string) => SecureContext | undefined,
): FastifyInstance<Server> {
  const app = fastify<Server>({
    https: {
      ...contextOf(trust, options),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
      SNICallback: (serverName, done) => done(null, contextFor(serverName)),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    requestTimeout: 30_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    bodyLimit: 1024,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  app.setErrorHandler((error: { readonly statusCode?: number; readonly message: string }, _request, reply) =>
    reply
      .code(error.statusCode ?? 500)
      .type("text/plain")
      .send(error.message),
  );
  return app;
}

function contextOf({ tls, cluster, hubs }: Trust, options: StreamServerOptions): SecureContextOptions {
  return {
    ca: [...cluster, ...hubs].map((certificate) => certificate.toString()),
    cert: tls.cert,
    key: tls.key,
    minVersion: options.minTlsVersion,
    // A resumed session presents no certificate, and outlives the one that it began with.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

const hubContextOf = (trust: Trust, options: StreamServerOptions): SecureContextOptions => ({
  ...contextOf(trust, options),
  ...trust.tls.forHubs,
});
