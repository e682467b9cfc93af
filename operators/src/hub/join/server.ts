// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { rejectCounter } from "../metrics.ts";
import { EventWindow } from "./failure-window.ts";
import { createListener, tlsOptions } from "./listener.ts";
import { defaultJoinOptions, type JoinDeps, type JoinOptions } from "./options.ts";

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
