// SPDX-License-Identifier: Apache-2.0
import {
  StreamError,
  STREAM_LIMITS,
  type OpenedStream,
  type StreamLimits,
  type StreamRequest,
} from "@longshore/crds/stream";
import type { HubAddress } from "../../delivery/directory.ts";
import type { Clock, Log } from "../../runtime/index.ts";
import type { Deadline } from "../locate/index.ts";
import type { StreamServerOptions } from "../options.ts";
import type { PeerCredential, StreamTls } from "../port.ts";
import { dial } from "./dial.ts";
import { PeerLink } from "./link.ts";

/** What one hub asks of another one. */
export interface PeerRequest {
  readonly node: string;
  readonly request: StreamRequest;
}

/** The other hub was not even asked. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

export interface PeerPoolDeps {
  readonly tls: () => Pick<StreamTls, "ca">;
  readonly peer: () => PeerCredential;
  readonly clock: Clock;
  readonly log: Log;
  readonly gauge: { inc(): void; dec(): void };
  readonly options: Pick<
    StreamServerOptions,
    | "maxStreams"
    | "minTlsVersion"
    | "openTimeoutMs"
    | "peerDeadMs"
    | "peerIdleMs"
    | "peerPingMs"
    | "resolveTimeoutMs"
  >;
}

/** Bounds of the streams between two hubs. */
export const peerLimits = (
  options: Pick<StreamServerOptions, "maxStreams" | "openTimeoutMs">,
): StreamLimits => ({
  ...STREAM_LIMITS,
  maxStreams: options.maxStreams,
  openTimeoutMs: options.openTimeoutMs,
});

/** Connections to other hubs: one each, made when it is needed, and let go when it is not. */
export class PeerPool {
  readonly #deps: PeerPoolDeps;
  readonly #links = new Map<string, Promise<PeerLink>>();
  #isStopped = false;

  constructor(deps: PeerPoolDeps) {
    this.#deps = deps;
  }

  /**
   * Opens a stream of a node at another hub.
   *
   * @param deadline until the other hub is connected; its answer may take longer
   * @throws {UnreachableError}
   * @throws {StreamError} OFFLINE when it does not have the node; its text is "" when it has no more to say
   */
  async open(
    hub: HubAddress,
    asked: PeerRequest,
    { deadline, signal }: { deadline: Deadline; signal: AbortSignal },
  ): Promise<OpenedStream> {
    const link = await this.#reach(hub, deadline, signal);
    return await link.mux.open(asked, signal);
  }

  stop(): void {
    this.#isStopped = true;
    for (const link of this.#links.values())
      link.then(
        (made) => made.end("this hub stops", 1001),
        // whoever waited for it knows
        () => undefined,
      );
  }

  async #reach(hub: HubAddress, deadline: Deadline, signal: AbortSignal): Promise<PeerLink> {
    try {
      return await deadline.bound(() => this.#link(hub), "the other hub did not answer in time", signal);
    } catch (error) {
      if (error instanceof StreamError && error.code === "CANCELLED") throw error;
      this.#deps.log.warn({ err: error, peer: hub.hub, address: hub.address }, "other hub not reached");
      throw new UnreachableError(`hub ${hub.hub} was not reached`, { cause: error });
    }
  }

  #link(hub: HubAddress): Promise<PeerLink> {
    const { address } = hub;
    const existing = this.#links.get(address);
    if (existing !== undefined) return existing;
    if (this.#isStopped) return Promise.reject(new Error("this hub stops"));
    const link = this.#connect(hub, () => {
      if (this.#links.get(address) === link) this.#links.delete(address);
    });
    this.#links.set(address, link);
    return link;
  }

  async #connect(hub: HubAddress, forget: () => void): Promise<PeerLink> {
    const { options, clock, log, gauge } = this.#deps;
    try {
      const connection = await dial({
        address: hub.address,
        tls: this.#deps.tls(),
        peer: this.#deps.peer(),
        minTlsVersion: options.minTlsVersion,
        timeoutMs: options.resolveTimeoutMs,
      });
      const idle = new Idle(clock, options.peerIdleMs);
      const link = new PeerLink({
        ...connection,
        clock,
        limits: peerLimits(options),
        pingMs: options.peerPingMs,
        deadMs: options.peerDeadMs,
        onCount: (live) => idle.note(live),
        onEnd: (reason) => {
          forget();
          idle.stop();
          gauge.dec();
          log.info({ peer: hub.hub, reason }, "connection to another hub is over");
        },
      });
      gauge.inc();
      log.info({ peer: hub.hub, address: hub.address }, "connected to another hub");
      idle.start(() => link.end("idle"));
      if (this.#isStopped) link.end("this hub stops", 1001);
      return link;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

/** Ends a connection that has had no streams for a while. */
class Idle {
  readonly #clock: Clock;
  readonly #afterMs: number;
  #end: () => void = () => undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
  }

  start(end: () => void): void {
    this.#end = end;
    this.note(0);
  }

  note(live: number): void {
    this.#cancel();
    if (live === 0) this.#cancel = this.#clock.schedule(this.#afterMs, () => this.#end());
  }

  stop(): void {
    this.#cancel();
    this.#end = () => undefined;
  }
}
