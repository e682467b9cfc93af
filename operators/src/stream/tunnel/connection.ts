// SPDX-License-Identifier: Apache-2.0
import {
  decodeTunnelMessage,
  encodeTunnelMessage,
  Pauses,
  StreamError,
  TUNNEL_TYPE,
  TunnelMessageError,
  type HeldBytes,
  type OpenedStream,
  type StreamOpener,
  type StreamRequest,
  type TunnelMessage,
} from "@longshore/crds/stream";
import type { Clock, Log } from "../../runtime/index.ts";
import type { StreamTunnelMetrics } from "./metrics.ts";
import { createOpening, type Opening } from "./opening.ts";
import type { StreamTunnelOptions } from "./options.ts";
import { Removals } from "./removals.ts";
import { connectMessage, headOf, isUpgrade, needsAnswer } from "./request.ts";
import type { TunnelSocket } from "./socket.ts";
import { TunnelStream, type StreamLink } from "./stream.ts";

/** What all tunnels of a hub share. */
export interface HubShare extends HeldBytes {
  streams: number;
}

export interface ConnectionDeps {
  readonly node: string;
  readonly socket: TunnelSocket;
  readonly options: StreamTunnelOptions;
  readonly clock: Clock;
  readonly share: HubShare;
  readonly metrics: StreamTunnelMetrics;
  readonly log: Log;
}

const EMPTY = Buffer.alloc(0);

/** The stream tunnel of one EdgeCore. */
export class TunnelConnection implements StreamOpener {
  readonly #deps: ConnectionDeps;
  readonly #pauses: Pauses;
  readonly #streams = new Map<number, TunnelStream>();
  readonly #openings = new Map<TunnelStream, Opening>();
  readonly #link: StreamLink;
  readonly #removals = new Removals();
  #lastConnection = 0;
  #closedBy: StreamError | undefined;

  constructor(deps: ConnectionDeps) {
    const { options, clock, share, socket, metrics } = deps;
    this.#deps = deps;
    this.#pauses = new Pauses({
      limits: options,
      clock,
      total: share,
      socket,
      onPause: () => metrics.pauses.inc(),
    });
    this.#link = {
      chunkBytes: options.chunkBytes,
      sendData: (connection, payload, sent) => {
        metrics.toEdge.inc(payload.length);
        this.#send({ connection, type: TUNNEL_TYPE.data, payload }, sent);
      },
      onHeld: (stream, bytes, before) => this.#pauses.onHeld(stream, bytes, before),
      onAnswer: (stream) => this.#openings.get(stream)?.accept(),
      onOver: (stream, tell, error) => this.#onOver(stream, tell, error),
    };
  }

  /** Reading rests for a slow reader, so that nothing of the node can be heard. */
  get isPaused(): boolean {
    return this.#pauses.isPaused;
  }

  get live(): number {
    return this.#streams.size;
  }

  async open(request: StreamRequest, signal?: AbortSignal): Promise<OpenedStream> {
    const { verb } = request;
    try {
      const opened = await this.#open(request, signal);
      this.#deps.metrics.opens.inc({ verb, result: "ok" });
      return opened;
    } catch (error) {
      this.#deps.metrics.opens.inc({ verb, result: error instanceof StreamError ? error.code : "INTERNAL" });
      throw error;
    }
  }

  /** One message of the node. */
  receive(bytes: Buffer): void {
    const message = this.#decode(bytes);
    if (message === undefined) return;
    const stream = this.#streams.get(message.connection);
    if (stream === undefined) this.#onStray(message);
    else if (message.type === TUNNEL_TYPE.data) {
      this.#deps.metrics.fromEdge.inc(message.payload.length);
      stream.receive(message.payload);
    } else if (message.type === TUNNEL_TYPE.remove) stream.receiveEnd();
    else this.#drop("type", message.connection);
  }

  /** The socket is gone: every stream ends with this. */
  close(error: StreamError): void {
    this.#closedBy ??= error;
    for (const stream of [...this.#streams.values()]) stream.lose(error);
  }

  async #open(request: StreamRequest, signal: AbortSignal | undefined): Promise<OpenedStream> {
    const connection = this.#lastConnection + 1;
    const message = connectMessage(connection, request);
    this.#admit(signal);
    this.#lastConnection = connection;
    const kind = { isUpgrade: isUpgrade(request), needsAnswer: needsAnswer(request) };
    const stream = new TunnelStream(this.#link, connection, kind);
    const { clock, options, share, metrics } = this.#deps;
    const opening = createOpening({
      clock,
      signal,
      timeoutMs: options.openTimeoutMs,
      graceMs: request.verb === "logs" && request.options.follow ? options.logGraceMs : undefined,
      giveUp: (error) => stream.destroy(error),
    });
    this.#streams.set(connection, stream);
    this.#openings.set(stream, opening);
    share.streams++;
    metrics.streams.inc();
    this.#deps.socket.send(message, () => undefined);
    try {
      await opening.answered;
    } finally {
      this.#openings.delete(stream);
    }
    return { head: headOf(request), stream };
  }

  /** @throws {StreamError} */
  #admit(signal: AbortSignal | undefined): void {
    const { options, share, node } = this.#deps;
    if (this.#closedBy !== undefined) throw this.#closedBy;
    if (signal?.aborted === true) throw new StreamError("CANCELLED", "the request was given up");
    if (this.live >= options.maxStreamsPerTunnel)
      throw new StreamError("TOO_MANY", `node "${node}" has ${this.live} streams, which is the limit`);
    if (share.streams >= options.maxStreams)
      throw new StreamError(
        "TOO_MANY",
        `this hub has ${share.streams} tunnelled streams, which is the limit`,
      );
  }

  #decode(bytes: Buffer): TunnelMessage | undefined {
    try {
      return decodeTunnelMessage(bytes);
    } catch (error) {
      const connection = error instanceof TunnelMessageError ? error.connection : undefined;
      this.#drop(connection === undefined ? "malformed" : "too_large", connection);
      const stream = connection === undefined ? undefined : this.#streams.get(connection);
      stream?.destroy(new StreamError("INTERNAL", "the node sent a message of more than 1 MiB"));
      return undefined;
    }
  }

  /** Late data of a stream that is over is what KubeEdge's edge always sends; another id is a fault of its own. */
  #onStray({ connection, type }: TunnelMessage): void {
    const isLate = connection <= this.#lastConnection && connection > 0;
    if (!isLate) this.#drop("stray", connection);
    else if (type === TUNNEL_TYPE.data) this.#deps.metrics.dropped.inc({ reason: "late" });
    if (type !== TUNNEL_TYPE.data) return;
    if (!isLate || this.#removals.isDue(connection, this.#deps.clock.nowMs())) this.#remove(connection);
  }

  #drop(reason: string, connection: number | undefined): void {
    this.#deps.metrics.dropped.inc({ reason });
    this.#deps.log.debug({ node: this.#deps.node, connection, reason }, "message of a stream tunnel dropped");
  }

  #onOver(stream: TunnelStream, tell: boolean, error: Error | null): void {
    this.#pauses.onOver(stream);
    // A stream that ended and is then destroyed is over twice.
    if (!this.#streams.delete(stream.connection)) return;
    this.#deps.share.streams--;
    this.#deps.metrics.streams.dec();
    if (tell) {
      this.#removals.add(stream.connection, this.#deps.clock.nowMs());
      this.#remove(stream.connection);
    }
    if (error !== null) this.#openings.get(stream)?.fail(error);
  }

  #remove(connection: number): void {
    this.#send({ connection, type: TUNNEL_TYPE.remove, payload: EMPTY }, () => undefined);
  }

  #send(message: TunnelMessage, sent: () => void): void {
    this.#deps.socket.send(encodeTunnelMessage(message), sent);
  }
}
