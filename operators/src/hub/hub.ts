// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";
import { LRUCache } from "lru-cache";
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { Registry } from "prom-client";
import type { Fence, Mailbox, Wakeups } from "../delivery/mailbox.ts";
import type { Client } from "../runtime/client.ts";
import {
  createTunnelServer,
  offersProtocol,
  type PeerSocket,
  type Refusal,
  type TlsMaterial,
  type TunnelServer,
} from "./server/index.ts";
import { catalog as defaultCatalog, type CatalogEntry, ObjectReader } from "./send/index.ts";
import { systemClock, type HubClock } from "./clock.ts";
import { EndReasons, type EndReason } from "./end-reasons.ts";
import { FenceLine, Session, type SessionDeps, SessionRegistry } from "./session/index.ts";
import { identifyPeer, type Identity } from "./auth/index.ts";
import { createLeaseRenewer, type LeaseRenewer } from "./lease-renewer.ts";
import { Limiter } from "./limiter.ts";
import { createHubMetrics, type HubMetrics } from "./metrics.ts";
import { defaultHubOptions, type HubOptions } from "./options.ts";
import { MinuteCounter, TokenBucket } from "./rate.ts";
import type { SessionGrants, SessionLog, UplinkHandler } from "./uplink/port.ts";

export interface HubDeps {
  readonly client: Client;
  readonly mailbox: Mailbox;
  readonly wakeups: Wakeups;
  readonly uplinkHandlers: readonly UplinkHandler[];
  readonly createGrants: (node: string) => SessionGrants;
  /** Decides who a connection is, after TLS verified its certificate; default `identifyPeer`. */
  readonly identify?: (socket: TLSSocket, headers: IncomingHttpHeaders, nowMs: number) => Identity;
  readonly tls: TlsMaterial;
  /** Registers for new key material; what it returns unregisters. */
  readonly onTlsChange?: (listener: (tls: TlsMaterial) => void) => () => void;
  readonly log: SessionLog;
  readonly registry: Registry;
  readonly clock?: HubClock;
  readonly catalog?: ReadonlyMap<string, CatalogEntry>;
  readonly options?: Partial<HubOptions>;
  readonly newId?: () => string;
  readonly random?: () => number;
}

export interface Hub {
  /** Listens; resolves when edges can connect. Delivery that is down does not stop it. */
  start(): Promise<void>;
  /** Sends every edge elsewhere and stops. */
  stop(): Promise<void>;
  /** What is recorded of the edges cannot be trusted (Redis was replaced): each greets again, spread over the drain time. */
  resync(): Promise<void>;
  /** The port that the tunnel listens on, once started. */
  readonly tunnelPort: number;
  readonly connectedSessions: number;
}

const WAKEUPS_RETRY_MS = 5_000;
const WAKEUPS_PATIENCE_MS = 2_000;
const FIGHTS_PER_MINUTE = 3;
const RETRY_AFTER_FULL_SECONDS = 30;

/** The hub: sessions of edges on one side, mailbox and API server on the other. */
export function createHub(deps: HubDeps): Hub {
  const options: HubOptions = { ...defaultHubOptions, ...deps.options };
  const clock = deps.clock ?? systemClock;
  const metrics = createHubMetrics(deps.registry);
  return new RunningHub({ ...deps, clock }, options, metrics);
}

class RunningHub implements Hub {
  readonly #deps: HubDeps & { readonly clock: HubClock };
  readonly #options: HubOptions;
  readonly #metrics: HubMetrics;
  readonly #sessions = new SessionRegistry<Session>();
  readonly #admission: TokenBucket;
  readonly #fights = new LRUCache<string, MinuteCounter>({ max: 1_000 });
  readonly #leases: LeaseRenewer;
  readonly #reader: ObjectReader;
  readonly #sessionDeps: SessionDeps;
  readonly #stops: (() => void)[] = [];
  readonly #releases = new Set<Promise<void>>();
  #server: TunnelServer | undefined;
  #clusterEpoch = 0;
  #draining = false;
  #wakeupsAtMs = Infinity;

  constructor(deps: HubDeps & { readonly clock: HubClock }, options: HubOptions, metrics: HubMetrics) {
    this.#deps = deps;
    this.#options = options;
    this.#metrics = metrics;
    this.#admission = new TokenBucket(options.admissionPerSecond, options.admissionBurst, deps.clock.nowMs());
    const catalog = deps.catalog ?? defaultCatalog;
    this.#reader = new ObjectReader({
      client: deps.client,
      catalog,
      limiter: new Limiter(options.readConcurrency),
      cacheBytes: options.cacheBytes,
      observeRevision: (resourceVersion) => this.#observe(resourceVersion),
    });
    this.#leases = createLeaseRenewer({
      client: deps.client,
      clock: deps.clock,
      metrics,
      log: deps.log,
      leaseDurationSeconds: options.leaseDurationSeconds,
      concurrency: options.leaseConcurrency,
      minIntervalMs: options.keepaliveIntervalMs / 2,
    });
    this.#sessionDeps = this.#shared(catalog);
  }

  get tunnelPort(): number {
    return this.#server?.port ?? 0;
  }

  get connectedSessions(): number {
    return this.#sessions.size;
  }

  async start(): Promise<void> {
    const { clock, onTlsChange } = this.#deps;
    const server = await createTunnelServer({
      options: this.#options,
      tls: this.#deps.tls,
      refuse: () => this.#refuse(),
      accept: (ws, request, socket) => this.#accept(ws, request, socket),
      onRefused: (refusal) => this.#onRefused(refusal),
    });
    this.#server = server;
    // Before the first session: what an earlier life of this hub was woken for is not ours.
    // It may try for as long as Redis is away; edges are served meanwhile.
    await Promise.race([this.#startWakeups(), sleep(WAKEUPS_PATIENCE_MS, undefined, { ref: false })]);
    if (onTlsChange !== undefined) this.#stops.push(onTlsChange((tls) => server.setTls(tls)));
    this.#stops.push(clock.every(this.#options.sweepMs, () => this.#sweep()));
    await server.listen();
    this.#deps.log.info({ port: server.port }, "hub listening");
  }

  async stop(): Promise<void> {
    this.#draining = true;
    await this.#endAll(EndReasons.draining);
    for (const stop of this.#stops.splice(0)) stop();
    await this.#deps.wakeups.stop();
    await Promise.all(this.#releases);
    await this.#server?.close();
  }

  async resync(): Promise<void> {
    this.#deps.log.warn({ sessions: this.#sessions.size }, "delivery replaced, sessions start over");
    await this.#endAll(EndReasons.resync);
  }

  #shared(catalog: ReadonlyMap<string, CatalogEntry>): SessionDeps {
    const { clock, mailbox, createGrants, log } = this.#deps;
    const newId = this.#deps.newId ?? randomUUID;
    const handlers = new Map(
      this.#deps.uplinkHandlers.flatMap((h) => h.types.map((type) => [type, h] as const)),
    );
    return {
      clock,
      mailbox,
      createGrants,
      log,
      newId,
      handlers,
      catalog,
      options: this.#options,
      metrics: this.#metrics,
      reader: this.#reader,
      takes: new Limiter(this.#options.takeConcurrency),
      fenceLine: new FenceLine(),
      leases: this.#leases,
      random: this.#deps.random ?? Math.random,
      origin: { newId, now: () => clock.wallMs() },
      onFenced: (session, fence) => this.#onFenced(session, fence),
      onEnded: (session) => this.#onEnded(session),
      onReleasing: (release) => this.#track(release),
    };
  }

  #refuse(): Refusal | undefined {
    if (this.#draining) return { status: 503, text: "draining", retryAfterSeconds: 1 };
    const waitMs = this.#admission.take(this.#deps.clock.nowMs());
    if (waitMs === 0) return undefined;
    return { status: 503, text: "rate_limited", retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  #onRefused(refusal: Refusal): void {
    this.#metrics.connections.inc({ result: refusal.text });
    if (refusal.status !== 503) this.#metrics.rejects.inc({ surface: "tunnel", reason: refusal.text });
    this.#deps.log.warn({ status: refusal.status, reason: refusal.text }, "connection refused");
  }

  #accept(ws: PeerSocket, request: IncomingMessage, socket: TLSSocket): void {
    const identify = this.#deps.identify ?? identifyPeer;
    const identity = identify(socket, request.headers, this.#deps.clock.wallMs());
    const { node } = identity;
    if (node === undefined) {
      this.#metrics.rejects.inc({ surface: "tunnel", reason: `identity_${identity.reason}` });
      this.#turnAway(ws, { result: "identity", code: identity.closeCode, text: identity.reason });
    } else if (this.#isFull(node)) {
      const text = `full retryAfter=${RETRY_AFTER_FULL_SECONDS}`;
      this.#turnAway(ws, { result: "full", code: CloseCode.unavailable, text });
    } else {
      const expiresAtMs = Date.parse(socket.getPeerX509Certificate()?.validTo ?? "");
      const peer = { node, negotiated: offersProtocol(request), ws, socket, expiresAtMs };
      this.#open(new Session(this.#sessionDeps, peer));
    }
  }

  /** A node that comes back takes its own place, however many there are. */
  #isFull(node: string): boolean {
    return this.#sessions.size >= this.#options.maxSessions && this.#sessions.newestOf(node) === undefined;
  }

  /** The upgrade is done, so the refusal can be a close code; nothing that the peer sends is looked at. */
  #turnAway(ws: PeerSocket, refusal: { result: string; code: number; text: string }): void {
    this.#metrics.connections.inc({ result: refusal.result });
    this.#deps.log.warn({ code: refusal.code, reason: refusal.text }, "connection refused");
    // The peer may cut the connection at any moment, which is all the same by now.
    ws.on("error", () => ws.terminate());
    ws.close(refusal.code, refusal.text.slice(0, 120));
  }

  #open(session: Session): void {
    this.#metrics.connections.inc({ result: "ok" });
    if (this.#sessions.newestOf(session.node) === undefined) this.#metrics.connectedNodes.inc();
    else this.#noteFight(session.node);
    this.#sessions.add(session);
    session.log.info({ negotiated: session.negotiated }, "session opened");
    session.start();
  }

  #noteFight(node: string): void {
    const counter = this.#fights.get(node) ?? new MinuteCounter();
    this.#fights.set(node, counter);
    if (counter.add(this.#deps.clock.nowMs()) !== FIGHTS_PER_MINUTE) return;
    this.#metrics.rejects.inc({ surface: "tunnel", reason: "node_conflict" });
    this.#deps.log.error({ node }, "several machines use the certificate of one node");
  }

  #onFenced(session: Session, fence: Fence): void {
    const { previous } = fence;
    if (previous !== undefined && previous.connection !== session.connection) {
      this.#sessions.ofConnection(previous.connection)?.supersede();
    }
    this.#noteEpoch(fence.clusterEpoch);
  }

  #onEnded(session: Session): void {
    if (!this.#sessions.remove(session)) return;
    this.#metrics.connectedNodes.dec();
    this.#leases.forget(session.node);
  }

  #track(release: Promise<void>): void {
    this.#releases.add(release);
    void release.finally(() => this.#releases.delete(release));
  }

  async #observe(resourceVersion: string): Promise<void> {
    try {
      this.#noteEpoch(await this.#deps.mailbox.observeResourceVersion(resourceVersion));
    } catch (err) {
      // The next consistent read tells it.
      this.#metrics.mailboxErrors.inc({ operation: "observe" });
      this.#deps.log.warn({ err }, "store revision not recorded");
    }
  }

  /** The store went back in time: versions of before do not compare, so every edge says hello again. */
  #noteEpoch(epoch: number): void {
    if (epoch <= this.#clusterEpoch) return;
    const isRaised = this.#clusterEpoch > 0;
    this.#clusterEpoch = epoch;
    if (!isRaised) return;
    this.#reader.clear();
    this.#deps.log.warn({ clusterEpoch: epoch }, "cluster epoch raised, sessions start over");
    for (const session of [...this.#sessions.all()]) {
      if (session.clusterEpoch < epoch) session.end(EndReasons.resync);
    }
  }

  #sweep(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const session of this.#sessions.all()) session.sweep(nowMs);
    if (this.#wakeupsAtMs > nowMs) return;
    this.#wakeupsAtMs = Infinity;
    void this.#startWakeups();
  }

  async #startWakeups(): Promise<void> {
    try {
      await this.#deps.wakeups.start({
        wake: (node) => this.#sessions.newestOf(node)?.wake(),
        evict: (_node, owner) => this.#sessions.ofConnection(owner.connection)?.supersede(),
      });
      // What was wanted before this told nobody here.
      for (const session of this.#sessions.all()) session.wake();
    } catch (err) {
      this.#metrics.mailboxErrors.inc({ operation: "wakeups" });
      this.#wakeupsAtMs = this.#deps.clock.nowMs() + WAKEUPS_RETRY_MS;
      this.#deps.log.warn({ err }, "wake-ups not started, the rescan delivers meanwhile");
    }
  }

  /** Ends the sessions of now, spread over the drain time, so that no hub is overrun. */
  async #endAll(reason: EndReason): Promise<void> {
    const sessions = [...this.#sessions.all()];
    const batch = Math.max(
      1,
      Math.ceil((sessions.length * DRAIN_STEP_MS) / Math.max(DRAIN_STEP_MS, this.#options.drainMs)),
    );
    for (let i = 0; i < sessions.length; i += batch) {
      for (const session of sessions.slice(i, i + batch)) session.end(reason);
      if (i + batch < sessions.length) await sleep(DRAIN_STEP_MS);
    }
  }
}

const DRAIN_STEP_MS = 100;
