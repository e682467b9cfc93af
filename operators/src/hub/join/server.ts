// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Client } from "../../runtime/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { rejectCounter } from "../metrics.ts";
import type { SessionLog } from "../uplink/port.ts";
import type { Authority } from "./authority.ts";
import { EventWindow } from "./failure-window.ts";
import { createListener, tlsOptions } from "./listener.ts";
import type { TokenKeeper } from "./token-keeper.ts";

/** Limits and times of the join port. */
export interface JoinOptions {
  readonly host: string;
  /** 0 picks a free port */
  readonly port: number;
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  /** Lifetime of an issued node certificate. */
  readonly nodeDays: number;
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly maxRequestsPerSocket: number;
  readonly maxConnections: number;
  /** Failures of one address in a minute; the next is answered 429. */
  readonly failuresPerMinute: number;
  /** `GET /node/{name}` of one address in a minute. */
  readonly lookupsPerMinute: number;
  /** Renewals of one node in an hour. */
  readonly rotationsPerHour: number;
  /** Addresses and nodes whose counts are remembered. */
  readonly maxCounted: number;
  /** How often the server certificate and the stored token are looked at, and how soon again after a failure. */
  readonly refreshMs: number;
  readonly refreshRetryMs: number;
  readonly allowLegacySubject: boolean;
}

export const defaultJoinOptions: JoinOptions = {
  host: "0.0.0.0",
  port: 10002,
  minTlsVersion: "TLSv1.3",
  nodeDays: 365,
  maxBodyBytes: 16 * 1024,
  // a token of 10 KiB is answered 401, not cut off
  maxHeaderBytes: 16 * 1024,
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  maxRequestsPerSocket: 1_000,
  maxConnections: 1_024,
  failuresPerMinute: 10,
  lookupsPerMinute: 120,
  rotationsPerHour: 5,
  maxCounted: 10_000,
  refreshMs: 10 * 60_000,
  refreshRetryMs: 30_000,
  allowLegacySubject: false,
};

export interface JoinDeps {
  readonly authority: Authority;
  readonly tokens: TokenKeeper;
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  readonly log: SessionLog;
  readonly registry: Registry;
  /** A certificate is about to be issued by token: what the node acked before is void. Throws when it cannot be told. */
  onIssuedByToken(node: string): Promise<void>;
}

export interface JoinServer {
  /** @returns the port that it listens on */
  start(): Promise<number>;
  stop(): Promise<void>;
}

/** The join port (10002): the CA, certificates by token or by certificate, and keadm's question for a node. */
export function createJoinServer(deps: JoinDeps, given: Partial<JoinOptions> = {}): JoinServer {
  return new Server10002(deps, { ...defaultJoinOptions, ...given });
}

class Server10002 implements JoinServer {
  readonly #deps: JoinDeps;
  readonly #options: JoinOptions;
  readonly #app: FastifyInstance<Server>;
  #stops: (() => void)[] = [];
  #isStopped = false;

  constructor(deps: JoinDeps, options: JoinOptions) {
    this.#deps = deps;
    this.#options = options;
    const { authority, tokens, clock } = deps;
    const { nodeDays, allowLegacySubject, maxCounted: maxKeys } = options;
    const perMinute = (limit: number): EventWindow => new EventWindow({ limit, windowMs: 60_000, maxKeys });
    const rotations = new EventWindow({ limit: options.rotationsPerHour, windowMs: 3_600_000, maxKeys });
    this.#app = createListener(
      {
        ...deps,
        issue: { authority, tokens, clock, nodeDays, rotations, allowLegacySubject },
        failures: perMinute(options.failuresPerMinute),
        lookups: perMinute(options.lookupsPerMinute),
        rejects: rejectCounter(deps.registry),
      },
      options,
    );
  }

  async start(): Promise<number> {
    const { host, port, maxConnections } = this.#options;
    await this.#app.listen({ host, port });
    const { server } = this.#app;
    server.maxConnections = maxConnections;
    this.#stops = [
      this.#deps.authority.onChange((tls) => server.setSecureContext(tlsOptions(tls, this.#options))),
    ];
    this.#refreshIn(this.#options.refreshMs);
    return (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const stop of this.#stops) stop();
    await this.#app.close();
  }

  #refreshIn(delayMs: number): void {
    if (this.#isStopped) return;
    const cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#stops = this.#stops.filter((stop) => stop !== cancel);
      void this.#refresh();
    });
    this.#stops.push(cancel);
  }

  /** Never gives up: an API server that is away for hours must not end joining for good. */
  async #refresh(): Promise<void> {
    const { authority, tokens, log } = this.#deps;
    let delayMs = this.#options.refreshMs;
    try {
      if (await authority.refresh()) log.info({}, "server certificate replaced");
      if (await tokens.refresh()) log.info({}, "join token replaced");
    } catch (error) {
      delayMs = this.#options.refreshRetryMs;
      log.warn({ err: error }, "certificate or token not refreshed");
    } finally {
      this.#refreshIn(delayMs);
    }
  }
}
