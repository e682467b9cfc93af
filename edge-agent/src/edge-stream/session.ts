// SPDX-License-Identifier: Apache-2.0
import {
  decodeTunnelMessage,
  encodeTunnelMessage,
  Pauses,
  StreamError,
  TUNNEL_TYPE,
  TunnelMessageError,
  type StreamOpener,
  type TunnelMessage,
} from "@longshore/crds/stream";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { readAsked, refusalBytes, VERB_OF } from "./asked.ts";
import type { EdgeStreamMetrics } from "./metrics.ts";
import type { EdgeStreamOptions } from "./options.ts";
import { ServedStream, type ServedLink } from "./served.ts";

/** The connection below. */
export interface SessionSocket {
  /** One message. @returns when it left, or never will */
  send(message: Buffer): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface SessionDeps {
  readonly node: string;
  readonly socket: SessionSocket;
  readonly opener: StreamOpener;
  readonly options: EdgeStreamOptions;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly metrics: EdgeStreamMetrics;
  /** The cloud refuses the whole tunnel. */
  readonly onRefused: (reason: string) => void;
}

const EMPTY = Buffer.alloc(0);
const MAX_REASON_CHARS = 200;
/** Refusals that may wait for a cloud that asks and does not read; what it asks beyond has no answer. */
const UNANSWERED_PER_STREAM = 16;

/** The streams of one connection to a CloudCore. */
export class CloudSession {
  readonly #deps: SessionDeps;
  readonly #pauses: Pauses;
  readonly #link: ServedLink;
  readonly #streams = new Map<number, ServedStream>();

  constructor(deps: SessionDeps) {
    const { options, clock, socket } = deps;
    this.#deps = deps;
    this.#pauses = new Pauses({ limits: options, clock, socket, total: { bytes: 0 } });
    this.#link = {
      chunkBytes: options.chunkBytes,
      sendData: (connection, payload) => this.#send({ connection, type: TUNNEL_TYPE.data, payload }),
      onHeld: (stream, bytes, before) => this.#pauses.onHeld(stream, bytes, before),
    };
  }

  /** Reading rests for a slow stream, so that nothing of the cloud can be heard. */
  get isPaused(): boolean {
    return this.#pauses.isPaused;
  }

  /** One message of the cloud. */
  receive(bytes: Buffer): void {
    const message = this.#decode(bytes);
    if (message === undefined) return;
    const { connection, type, payload } = message;
    if (VERB_OF.has(type)) this.#open(message);
    else if (type === TUNNEL_TYPE.close)
      this.#deps.onRefused(payload.toString("utf8").slice(0, MAX_REASON_CHARS));
    else this.#hand(this.#streams.get(connection), message);
  }

  /** The connection is over, and so is every stream. */
  close(): void {
    for (const stream of this.#streams.values())
      stream.destroy(new StreamError("LOST", "the stream tunnel to the cloud is gone"));
  }

  #decode(bytes: Buffer): TunnelMessage | undefined {
    try {
      return decodeTunnelMessage(bytes);
    } catch (error) {
      const connection = error instanceof TunnelMessageError ? error.connection : undefined;
      const stream = connection === undefined ? undefined : this.#streams.get(connection);
      stream?.destroy(new StreamError("BAD_REQUEST", "a message of the cloud is too long"));
      this.#drop(connection === undefined ? "malformed" : "too_large", connection);
      return undefined;
    }
  }

  #hand(stream: ServedStream | undefined, { connection, type, payload }: TunnelMessage): void {
    // Of a stream that is over both sides may tell at the same time.
    if (stream === undefined) this.#drop("late", connection);
    else if (type === TUNNEL_TYPE.data) stream.receive(payload);
    else if (type === TUNNEL_TYPE.remove)
      stream.destroy(new StreamError("CANCELLED", "the cloud has given it up"));
    else this.#drop("type", connection);
  }

  #open(message: TunnelMessage): void {
    const { connection, type, payload } = message;
    if (this.#streams.has(connection)) {
      this.#drop("id_in_use", connection);
      return;
    }
    if (this.#streams.size >= UNANSWERED_PER_STREAM * this.#deps.options.maxStreams) {
      this.#drop("too_many", connection);
      return;
    }
    const stream = new ServedStream(this.#link, {
      connection,
      isUpgrade: type === TUNNEL_TYPE.exec || type === TUNNEL_TYPE.attach,
      open: async (signal) => {
        if (this.#streams.size > this.#deps.options.maxStreams)
          throw new StreamError("TOO_MANY", `this node has ${this.#deps.options.maxStreams} streams already`);
        return await this.#deps.opener.open(readAsked(type, payload, this.#deps.node), signal);
      },
      refusal: (error) => refusalBytes(type, error),
    });
    this.#streams.set(connection, stream);
    this.#deps.metrics.streams.set(this.#streams.size);
    void stream.run().then((outcome) => this.#onOver(message, stream, outcome));
  }

  #onOver({ connection, type }: TunnelMessage, stream: ServedStream, outcome: "ok" | StreamError): void {
    const result = outcome === "ok" ? "ok" : outcome.code;
    const { metrics, log } = this.#deps;
    this.#pauses.onOver(stream);
    this.#streams.delete(connection);
    metrics.streams.set(this.#streams.size);
    metrics.opens.inc({ verb: VERB_OF.get(type) ?? "", result });
    // That the reader goes away is how a followed log ends.
    if (outcome !== "ok" && result !== "CANCELLED")
      log.info({ connection, result, reason: outcome.message }, "stream of the cloud failed");
    void this.#send({ connection, type: TUNNEL_TYPE.remove, payload: EMPTY });
  }

  #drop(reason: string, connection: number | undefined): void {
    this.#deps.metrics.dropped.inc({ reason });
    this.#deps.log.debug({ connection, reason }, "message of the cloud dropped");
  }

  #send(message: TunnelMessage): Promise<void> {
    return this.#deps.socket.send(encodeTunnelMessage(message));
  }
}
