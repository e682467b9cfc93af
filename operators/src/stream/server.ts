// SPDX-License-Identifier: Apache-2.0
import {
  headerPairs,
  readKubeletRequest,
  StreamError,
  toStreamError,
  type KubeletCall,
  type OpenedStream,
} from "@longshore/crds/stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { systemClock, type Clock } from "../runtime/index.ts";
import { refusalOf, sendBody, serveUpgrade } from "./answer/index.ts";
import { Listener, type Trust, type UpgradeConnection } from "./listener.ts";
import { createStreamMetrics, type StreamMetrics } from "./metrics.ts";
import { defaultStreamOptions, type StreamServerOptions } from "./options.ts";
import { PEER_PATH, PeerPool, PeerServer } from "./peers/index.ts";
import type { StreamServer, StreamServerDeps, StreamTls } from "./port.ts";
import { Slots } from "./slots.ts";
import { Switchboard, type PlacedStream } from "./switchboard.ts";
import { ClientCa, mayAsk, parseBundle, type Caller } from "./trust/index.ts";

/** The stream room of a hub; see StreamServer. */
export const createStreamServer = (deps: StreamServerDeps): StreamServer => new StreamRoom(deps);

class StreamRoom implements StreamServer {
  readonly #deps: StreamServerDeps;
  readonly #options: StreamServerOptions;
  readonly #clock: Clock;
  readonly #metrics: StreamMetrics;
  readonly #peers: PeerPool;
  readonly #peerServer: PeerServer;
  readonly #switchboard: Switchboard;
  readonly #clientCa: ClientCa;
  #tls: StreamTls;
  #cluster: readonly X509Certificate[] = [];
  #listener: Listener | undefined;
  #listening: Promise<void> | undefined;
  #isStarting = true;
  #stopTls: () => void = () => undefined;
  #cancelRetry: () => void = () => undefined;
  #isStopped = false;

  constructor(deps: StreamServerDeps) {
    const options = { ...defaultStreamOptions, ...deps.options };
    const clock = deps.clock ?? systemClock;
    const metrics = createStreamMetrics(deps.registry);
    const { log } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#tls = deps.tls;
    const shared = { clock, log, options };
    const gaugeOf = (direction: string): { inc(): void; dec(): void } => metrics.peers.labels({ direction });
    this.#peers = new PeerPool({ ...shared, tls: () => this.#tls, peer: deps.peer, gauge: gaugeOf("out") });
    const slots = new Slots(options);
    this.#switchboard = new Switchboard({ ...deps, ...shared, peers: this.#peers, slots, metrics });
    this.#peerServer = new PeerServer({
      ...shared,
      gauge: gaugeOf("in"),
      openHere: (node, request, signal) => this.#switchboard.openHere(node, request, signal),
    });
    this.#clientCa = new ClientCa({
      ...shared,
      client: deps.client,
      file: options.clientCaFile,
      clusterCa: deps.clusterCa,
      refreshMs: options.caRefreshMs,
      retryMs: options.caRetryMs,
      onChange: (authorities) => this.#onCluster(authorities),
    });
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async start(): Promise<void> {
    this.#stopTls =
      this.#deps.onTlsChange?.((tls) => {
        this.#tls = tls;
        this.#listener?.setTrust(this.#trust());
      }) ?? this.#stopTls;
    try {
      await this.#clientCa.start();
      await this.#listening;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      this.#isStarting = false;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#clientCa.stop();
    this.#cancelRetry();
    this.#stopTls();
    this.#switchboard.stop();
    this.#peers.stop();
    this.#peerServer.stop();
    await this.#listener?.close();
  }

  #trust(): Trust {
    const { ca } = this.#tls;
    const hubs = (typeof ca === "string" ? [ca] : ca).flatMap((pem) => parseBundle(pem));
    return { tls: this.#tls, cluster: this.#cluster, hubs };
  }

  #onCluster(authorities: readonly X509Certificate[]): void {
    this.#cluster = authorities;
    if (this.#listener !== undefined) this.#listener.setTrust(this.#trust());
    else this.#beginToListen();
  }

  #beginToListen(): void {
    if (this.#isStopped) return;
    const isStarting = this.#isStarting;
    this.#listening = this.#listen();
    this.#listening.catch(() => {
      // Whoever starts us hears it.
      if (isStarting || this.#isStopped) return;
      this.#cancelRetry = this.#clock.schedule(this.#options.caRetryMs, () => this.#beginToListen());
    });
  }

  async #listen(): Promise<void> {
    const { log, hub } = this.#deps;
    const listener = new Listener({
      options: this.#options,
      trust: this.#trust(),
      clock: this.#clock,
      log,
      rejects: this.#metrics.rejects,
      onRequest: (caller, request, reply) => this.#answer(caller, request, reply),
      onUpgrade: (caller, request, connection) => this.#upgrade(caller, request, connection),
    });
    this.#listener = listener;
    try {
      await listener.listen();
      log.info({ hub, port: listener.port }, "kubelet API listens");
    } catch (error) {
      this.#listener = undefined;
      log.error({ err: error, port: this.#options.port }, "kubelet API does not listen");
      throw error;
    }
  }

  async #answer(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    try {
      const call = judge(caller, request.raw);
      if (isOwnHealth(call)) void reply.type("text/plain").send("ok");
      else this.#sendBody(await this.#switchboard.open(call, gone.signal), reply);
    } catch (error) {
      const { status, text } = refusalOf(toStreamError(error));
      void reply.code(status).type("text/plain").send(text);
    }
  }

  #sendBody(opened: OpenedStream, reply: FastifyReply): void {
    reply.hijack();
    sendBody(opened, reply.raw, (bytes) => this.#metrics.fromEdge.inc(bytes));
  }

  #upgrade(caller: Caller, request: IncomingMessage, connection: UpgradeConnection): void {
    if (caller.kind === "hub" && request.url === PEER_PATH) {
      this.#peerServer.accept(caller.name, request, connection);
      return;
    }
    const open = (signal: AbortSignal): Promise<PlacedStream> =>
      this.#switchboard.open(judge(caller, request), signal);
    const { toEdge, fromEdge } = this.#metrics;
    void serveUpgrade(connection, open, {
      toEdge: (bytes) => toEdge.inc(bytes),
      fromEdge: (bytes) => fromEdge.inc(bytes),
      halfClosedMs: this.#options.halfClosedMs,
    });
  }
}

/** What is asked, by somebody who may. @throws {StreamError} */
function judge(caller: Caller, { method = "", url = "", rawHeaders }: IncomingMessage): KubeletCall {
  if (caller.kind === "hub")
    throw new StreamError("FORBIDDEN", "hubs open streams, and ask for nothing else");
  const call = readKubeletRequest({ method, url, headers: headerPairs(rawHeaders) });
  if (!mayAsk(caller, call.request)) throw new StreamError("FORBIDDEN", "this client may read figures only");
  return call;
}

/** Without a node, health is that of who answers. */
const isOwnHealth = ({ node, request }: KubeletCall): boolean =>
  node === undefined && request.verb === "read" && request.what === "healthz";
