// SPDX-License-Identifier: Apache-2.0
import type { StreamOpener } from "@longshore/crds/stream";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { Registry } from "prom-client";
import type { Fence, Mailbox, Wakeups } from "../delivery/mailbox.ts";
import type { Client } from "../runtime/client.ts";
import {
  createTunnelServer,
  Gate,
  offersProtocol,
  type Identify,
  type PeerSocket,
  type TlsMaterial,
  type TunnelServer,
} from "./server/index.ts";
import {
  catalog as defaultCatalog,
  catalogShowing,
  type CatalogEntry,
  createOrderReports,
  ObjectReader,
} from "./send/index.ts";
import { systemClock, type HubClock } from "./clock.ts";
import { EndReasons, type EndReason } from "./end-reasons.ts";
import { FenceLine, Session, type SessionDeps, SessionRegistry } from "./session/index.ts";
import { createLeaseRenewer, type LeaseRenewer } from "./lease-renewer.ts";
import { Limiter } from "./limiter.ts";
import { createHubMetrics, type HubMetrics } from "./metrics.ts";
import { defaultHubOptions, type HubOptions } from "./options.ts";
import { ownNodeOf } from "./uplink/node-endpoint.ts";
import type { NodeEndpoint, SessionGrants, SessionLog, UplinkHandler } from "./uplink/port.ts";

export interface HubDeps {
  readonly client: Client;
  readonly mailbox: Mailbox;
  readonly wakeups: Wakeups;
  readonly uplinkHandlers: readonly UplinkHandler[];
  readonly createGrants: (node: string) => SessionGrants;
  /** Decides who a connection is, after TLS verified its certificate; default `identifyPeer`. */
  readonly identify?: Identify;
  readonly tls: TlsMaterial;
  /** Registers for new key material; what it returns unregisters. */
  readonly onTlsChange?: (listener: (tls: TlsMaterial) => void) => () => void;
  readonly log: SessionLog;
  readonly registry: Registry;
  readonly clock?: HubClock;
  readonly catalog?: ReadonlyMap<string, CatalogEntry>;
  /** What the uplink handlers write into Nodes, and edges are not to see in theirs. */
  readonly nodeEndpoint?: NodeEndpoint | undefined;
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
  /** The streams of a node whose session is here and speaks them. */
  streamsOf(node: string): StreamOpener | undefined;
  /** Does a session of this node end here, which has said by now whether it speaks streams? */
  hasSession(node: string): boolean;
}

const WAKEUPS_RETRY_MS = 5_000;
const WAKEUPS_PATIENCE_MS = 2_000;

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
  readonly #gate: Gate;
  readonly #leases: LeaseRenewer;
  readonly #reader: ObjectReader;
  readonly #sessionDeps: SessionDeps;
  readonly #stops: (() => void)[] = [];
  readonly #releases = new Set<Promise<void>>();
  #server: TunnelServer | undefined;
  #clusterEpoch = 0;
  #resyncWanted = false;
  #resyncing: Promise<void> | undefined;
  #wakeupsAtMs = Infinity;

  constructor(deps: HubDeps & { readonly clock: HubClock }, options: HubOptions, metrics: HubMetrics) {
    this.#deps = deps;
    this.#options = options;
    this.#metrics = metrics;
    this.#gate = new Gate({
      options,
      metrics,
      clock: deps.clock,
      log: deps.log,
      identify: deps.identify,
      sessions: this.#occupancy(),
    });
    const { nodeEndpoint } = deps;
    const catalog = catalogShowing((node) => ownNodeOf(node, nodeEndpoint), deps.catalog ?? defaultCatalog);
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

  streamsOf(node: string): StreamOpener | undefined {
    return this.#sessions.newestOf(node)?.streams;
  }

  hasSession(node: string): boolean {
    const session = this.#sessions.newestOf(node);
    return session !== undefined && (!session.negotiated || session.clusterEpoch > 0);
  }

  async start(): Promise<void> {
    const { clock, onTlsChange } = this.#deps;
    const server = await createTunnelServer({
      options: this.#options,
      tls: this.#deps.tls,
      refuse: () => this.#gate.refuse(),
      accept: (ws, request, socket) => this.#accept(ws, request, socket),
      onRefused: (refusal) => this.#gate.onRefused(refusal),
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
    this.#gate.close();
    await this.#endAll(EndReasons.draining, [...this.#sessions.all()]);
    for (const stop of this.#stops.splice(0)) stop();
    await this.#deps.wakeups.stop();
    await Promise.all(this.#releases);
    await this.#server?.close();
  }

  resync(): Promise<void> {
    this.#resyncWanted = true;
    this.#resyncing ??= this.#startOver().finally(() => {
      this.#resyncing = undefined;
    });
    return this.#resyncing;
  }

  /** However often Redis is replaced: one round at a time, and one more when it was replaced meanwhile. */
  async #startOver(): Promise<void> {
    while (this.#resyncWanted) {
      this.#resyncWanted = false;
      this.#deps.log.warn({ sessions: this.#sessions.size }, "delivery replaced, sessions start over");
      await this.#endAll(EndReasons.resync, [...this.#sessions.all()]);
    }
  }

  #occupancy(): { readonly size: number; has(node: string): boolean } {
    const sessions = this.#sessions;
    return {
      get size() {
        return sessions.size;
      },
      has: (node) => sessions.newestOf(node) !== undefined,
    };
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
      reports: createOrderReports(this.#deps.client, new Limiter(this.#options.readConcurrency)),
      fenceLine: new FenceLine(),
      leases: this.#leases,
      random: this.#deps.random ?? Math.random,
      origin: { newId, now: () => clock.wallMs() },
      onFenced: (session, fence) => this.#onFenced(session, fence),
      onEnded: (session) => this.#onEnded(session),
      onReleasing: (release) => this.#track(release),
    };
  }

  #accept(ws: PeerSocket, request: IncomingMessage, socket: TLSSocket): void {
    const node = this.#gate.admit(ws, request, socket);
    if (node === undefined) return;
    const expiresAtMs = Date.parse(socket.getPeerX509Certificate()?.validTo ?? "");
    const peer = { node, negotiated: offersProtocol(request), ws, socket, expiresAtMs };
    this.#open(new Session(this.#sessionDeps, peer));
  }

  #open(session: Session): void {
    if (this.#sessions.newestOf(session.node) === undefined) this.#metrics.connectedNodes.inc();
    this.#sessions.add(session);
    session.log.info({ negotiated: session.negotiated }, "session opened");
    session.start();
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
    const older = [...this.#sessions.all()].filter((session) => session.clusterEpoch < epoch);
    void this.#endAll(EndReasons.resync, older);
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

  /** Ends these sessions, spread over the drain time, so that no hub is overrun. */
  async #endAll(reason: EndReason, sessions: readonly Session[]): Promise<void> {
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
