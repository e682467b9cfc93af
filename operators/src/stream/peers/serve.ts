// SPDX-License-Identifier: Apache-2.0
import {
  readStreamRequest,
  serveIncoming,
  StreamError,
  type IncomingStream,
  type OpenedStream,
  type StreamRequest,
} from "@longshore/crds/stream";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Clock, Log } from "../../runtime/index.ts";
import type { StreamServerOptions } from "../options.ts";
import { MAX_MESSAGE_BYTES, PeerLink } from "./link.ts";
import { peerLimits } from "./pool.ts";

export interface PeerServerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly gauge: { inc(): void; dec(): void };
  readonly options: Pick<StreamServerOptions, "maxStreams" | "openTimeoutMs" | "peerDeadMs" | "peerPingMs">;
  /** Opens a stream of a node that is here, and never at a third hub. */
  readonly openHere: (node: string, request: StreamRequest, signal: AbortSignal) => Promise<OpenedStream>;
}

/** Takes the connections of other hubs, and opens for them what they ask. */
export class PeerServer {
  readonly #deps: PeerServerDeps;
  readonly #links = new Set<PeerLink>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });

  constructor(deps: PeerServerDeps) {
    this.#deps = deps;
  }

  /** @param hub name in the other hub's certificate, for logs */
  accept(hub: string, request: IncomingMessage, connection: { socket: Duplex; head: Buffer }): void {
    const { socket, head } = connection;
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      const { options, clock, log, gauge } = this.#deps;
      const link: PeerLink = new PeerLink({
        ws,
        socket,
        clock,
        limits: peerLimits(options),
        pingMs: options.peerPingMs,
        deadMs: options.peerDeadMs,
        onIncoming: (incoming) => this.#serve(hub, incoming),
        onEnd: (reason) => {
          this.#links.delete(link);
          gauge.dec();
          log.info({ peer: hub, reason }, "connection of another hub is over");
        },
      });
      this.#links.add(link);
      gauge.inc();
      log.info({ peer: hub }, "another hub connected");
    });
  }

  stop(): void {
    for (const link of [...this.#links]) link.end("this hub stops", 1001);
  }

  #serve(hub: string, incoming: IncomingStream): void {
    const resolve = (value: unknown): { opener: Opener; request: StreamRequest } => {
      const { node, request } = readPeerRequest(value);
      const opener: Opener = {
        open: (asked, signal) => this.#deps.openHere(node, asked, signal ?? incoming.signal),
      };
      return { opener, request };
    };
    serveIncoming(incoming, resolve, (err) =>
      this.#deps.log.error({ err, peer: hub }, "stream for another hub failed"),
    );
  }
}

interface Opener {
  open(request: StreamRequest, signal?: AbortSignal): Promise<OpenedStream>;
}

/** @throws {StreamError} BAD_REQUEST, UNSUPPORTED */
export function readPeerRequest(value: unknown): { node: string; request: StreamRequest } {
  const { node, request } = (value ?? {}) as { readonly node?: unknown; readonly request?: unknown };
  if (typeof node !== "string" || node === "")
    throw new StreamError("BAD_REQUEST", "the other hub named no node");
  return { node, request: readStreamRequest(request) };
}
