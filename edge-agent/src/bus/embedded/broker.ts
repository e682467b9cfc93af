// SPDX-License-Identifier: Apache-2.0
import type { EventEmitter } from "node:events";
import { createServer, isIP, type Server, type Socket } from "node:net";
import type { Aedes, Client, PublishPacket } from "aedes";
import type { Clock } from "../../clock.ts";
import { pauseMs } from "../../devices/backoff.ts";
import type { AgentLog } from "../../log.ts";
import type { Publication } from "../answer.ts";
import type { Outlet } from "../bus.ts";
import type { BusMetrics } from "../metrics.ts";
import { reasonOf } from "../reason.ts";
import type { Delivery } from "../recent.ts";
import { Admission, type AdmissionDeps } from "./admission.ts";
import { Clerk } from "./clerk.ts";
import { guardSocket } from "./guard.ts";
import { spareNumbers } from "./numbers.ts";
import { cutSlow } from "./slow.ts";
import {
  boundQueues,
  DEFAULT_SESSION_LIMITS,
  dropSession,
  keepGranted,
  keepIds,
  Retained,
  type SessionLimits,
  type SessionStore,
} from "./sessions.ts";

/** How the agent's own broker serves. */
export interface EmbeddedOptions {
  /** `tcp://host:port` */
  readonly url: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly maxPayloadBytes: number;
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** "" lets everybody of this machine in; then it listens to this machine alone */
  readonly credentialsFile: string;
  readonly sessions?: Partial<SessionLimits>;
  /** default 256 */
  readonly maxConnections?: number;
  /** filters of one client, default 64 */
  readonly maxSubscriptions?: number;
  /** bytes that one client has not read yet, default 4 MiB; with more it is cut off */
  readonly maxUnreadBytes?: number;
}

/** What the own broker needs of the agent. */
export interface EmbeddedDeps {
  readonly options: EmbeddedOptions;
  readonly node: string;
  /** Resolves when the message may be acknowledged. @throws when it may not */
  readonly receive: (delivery: Delivery, from: Outlet) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly metrics: Pick<BusMetrics, "published">;
  /** Called again and again with the same is fine. */
  readonly onConnected: (broker: Outlet, isConnected: boolean) => void;
  readonly onReject: (reason: string) => void;
  readonly door?: AdmissionDeps["door"];
}

const DEFAULTS = { maxConnections: 256, maxSubscriptions: 64, maxUnreadBytes: 4 * 1024 * 1024 };
/** Handshakes of QoS 2 of one session that are open, over all of its connections. */
const MAX_HANDSHAKES = 256;
const RETRY = { baseMs: 1_000, capMs: 60_000 };
const TCP_KEEPALIVE_MS = 60_000;
const REVIEW_MS = 5_000;
/** A topic, and the rest of a packet. */
const PACKET_ROOM_BYTES = 8_192;

/** What the broker's persistence does beside its queues. */
interface Persistence extends SessionStore {
  removeSubscriptions(client: Client, topics: readonly string[]): Promise<unknown>;
}

/** The agent's own broker, for nodes that run no other. Sessions and retained messages live in memory. */
export class EmbeddedBroker implements Outlet {
  readonly name = "internal";
  readonly #deps: EmbeddedDeps;
  readonly #options: EmbeddedOptions & typeof DEFAULTS;
  readonly #limits: SessionLimits;
  readonly #retained: Retained;
  readonly #clients = new Map<string, Client>();
  /** those that have not said CONNECT, too */
  readonly #sockets = new Set<Socket>();
  readonly #admission: Admission;
  readonly #clerk: Clerk;
  #broker: Aedes | undefined;
  #server: Server | undefined;
  #failures = 0;
  #isStopped = false;
  #cancelRetry: (() => void) | undefined;
  #cancelReview: (() => void) | undefined;

  constructor(deps: EmbeddedDeps) {
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...deps.options };
    this.#limits = { ...DEFAULT_SESSION_LIMITS, ...deps.options.sessions };
    this.#retained = new Retained(this.#limits);
    this.#admission = this.#createAdmission();
    this.#clerk = new Clerk({
      ...deps,
      admission: this.#admission,
      retained: this.#retained,
      receive: (delivery) => deps.receive(delivery, this),
      forgetIncoming: (client, packet) => this.#persistence().incomingDelPacket(client, packet),
      forgetFilter: (client, topic) => this.#persistence().removeSubscriptions(client, [topic]),
      limits: this.#options,
    });
  }

  /** Listens; where it cannot it tells once and tries again. */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (this.#failures++ === 0)
        this.#deps.log.error(
          { url: this.#options.url, reason: reasonOf(error) },
          "the own MQTT broker does not listen, trying again",
        );
      if (this.#isStopped) return;
      const delayMs = pauseMs(this.#failures, RETRY, this.#deps.random);
      this.#cancelRetry = this.#deps.clock.schedule(delayMs, () => void this.start());
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#cancelReview?.();
    const [server, broker] = [this.#server, this.#broker];
    this.#server = undefined;
    const isClosed = new Promise<void>((resolve) =>
      server === undefined ? resolve() : server.close(() => resolve()),
    );
    await new Promise<void>((resolve) => (broker === undefined ? resolve() : broker.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await isClosed;
  }

  /** Port that it listens on; undefined while it does not. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  publish({ topic, payload }: Publication): void {
    const { published } = this.#deps.metrics;
    const { qos, retain } = this.#options;
    if (this.#broker === undefined || this.#isStopped) {
      published.inc({ broker: this.name, result: "dropped" });
      return;
    }
    const isKept = retain && this.#retained.take("agent", topic, Buffer.byteLength(payload));
    const packet: PublishPacket = { cmd: "publish", topic, payload, qos, retain: isKept, dup: false };
    this.#broker.publish(packet, (error) =>
      published.inc({ broker: this.name, result: error ? "failed" : "ok" }),
    );
  }

  /** All that is published comes by here anyway. */
  subscribe(): void {
    // nothing to do
  }

  unsubscribe(): void {
    // nothing to do
  }

  async #open(): Promise<void> {
    const { hostname, port } = new URL(this.#options.url.replace(/^[a-z]+:/, "http:"));
    const host = hostname.replace(/^\[|\]$/g, "");
    if (this.#admission.isOpen && !isLoopback(host))
      throw new Error("without longshore.bus.credentialsFile it listens on a loopback address only");
    this.#broker ??= await this.#createBroker();
    await this.#listen(this.#broker, host, Number(port === "" ? "80" : port));
    this.#failures = 0;
    this.#deps.onConnected(this, true);
    this.#deps.log.info({ url: this.#options.url }, "the own MQTT broker listens");
    if (this.#admission.isOpen)
      this.#deps.log.warn(
        "the own MQTT broker lets everybody of this machine in: set longshore.bus.credentialsFile",
      );
    this.#reviewLater();
  }

  #createAdmission(): Admission {
    const { node, clock, log, door } = this.#deps;
    return new Admission({
      credentialsFile: this.#options.credentialsFile,
      node,
      clock,
      log,
      isConnected: (clientId) => this.#clients.has(clientId),
      onEvicted: (clientId) => {
        this.#clerk.reject("evicted");
        dropSession(this.#persistence(), clientId).catch((err: unknown) =>
          log.error({ err }, "a session of the own MQTT broker could not be dropped"),
        );
      },
      ...(door && { door }),
    });
  }

  async #createBroker(): Promise<Aedes> {
    await spareNumbers();
    const { Aedes } = await import("aedes");
    const broker = await Aedes.createBroker(this.#clerk.options());
    this.#broker = broker;
    boundQueues(this.#persistence(), this.#limits, () => this.#clerk.reject("queue"));
    keepGranted(this.#persistence(), (sub) => this.#clerk.grantedOf(sub));
    keepIds(this.#persistence(), MAX_HANDSHAKES);
    broker.on("unsubscribe", (topics, client) => this.#clerk.unsubscribed(client, topics));
    broker.on("client", (client) => {
      this.#clients.set(client.id, client);
      this.#admission.claim(client.id, this.#clerk.guestOf(client)?.user ?? "");
    });
    broker.on("clientDisconnect", (client) => {
      if (this.#clients.get(client.id) !== client) return;
      this.#clients.delete(client.id);
      if (client.clean) this.#admission.forget(client.id);
    });
    // Without a listener an error of a client would end the agent.
    broker.on("clientError", (_client, error) => this.#onClientError(error));
    broker.on("connectionError", (_client, error) => this.#onClientError(error));
    (broker as EventEmitter).on("error", (err) =>
      this.#deps.log.error({ err }, "the own MQTT broker failed"),
    );
    return broker;
  }

  #persistence(): Persistence {
    return (this.#broker as unknown as { persistence: Persistence }).persistence;
  }

  /** What was not counted where it was decided: what the broker itself refuses. */
  #onClientError(error: Error & { readonly errorCode?: number }): void {
    if (error.name === "Cut" || error.name === "StoreError") return;
    if (error.errorCode === 1) this.#clerk.reject("version");
    else if (!/closed|keep alive|timeout|ECONNRESET|EPIPE/i.test(error.message))
      this.#clerk.reject("protocol");
  }

  #listen(broker: Aedes, host: string, port: number): Promise<void> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS });
    server.maxConnections = this.#options.maxConnections;
    server.on("connection", (socket) => {
      guardSocket(socket, this.#options.maxPayloadBytes + PACKET_ROOM_BYTES, () =>
        this.#clerk.reject("size"),
      );
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      const client = broker.handle(socket);
      cutSlow(client, this.#options.maxUnreadBytes, () => this.#clerk.reject("slow"));
    });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        server.on("error", (err) => this.#deps.log.error({ err }, "the own MQTT broker's listener failed"));
        this.#server = server;
        resolve();
      });
    });
  }

  /** Who was taken out of the file, or got another password, is not served any longer. */
  #reviewLater(): void {
    if (this.#isStopped || this.#admission.isOpen) return;
    this.#cancelReview = this.#deps.clock.schedule(REVIEW_MS, () => {
      this.#admission.refresh();
      this.#review();
      this.#reviewLater();
    });
  }

  #review(): void {
    for (const client of this.#clients.values()) {
      const guest = this.#clerk.guestOf(client);
      if (guest === undefined || this.#admission.isValid(guest)) continue;
      this.#clerk.reject("revoked", guest.user);
      client.close();
    }
  }
}

/** Addresses of this machine alone. */
function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || host === "localhost";
}
