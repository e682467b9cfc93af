// SPDX-License-Identifier: Apache-2.0
import {
  createMux,
  StreamError,
  type IncomingStream,
  type Mux,
  type StreamLimits,
} from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Clock } from "../../runtime/index.ts";

/** Where hubs meet each other, on the port of the kubelet API. */
export const PEER_PATH = "/longshore/streams";
/**
 * The name in TLS by which a hub asks another one for its certificate of the hubs' CA: for the API server the same port
 * may have another one.
 */
export const PEER_SERVER_NAME = "hub.longshore.internal";
/** A data frame or a frame of text, with room to spare. */
export const MAX_MESSAGE_BYTES = 128 * 1024;
/** The peer broke the rules of the streams. */
const BAD_FRAME = 4400;

export interface PeerLinkDeps {
  readonly ws: WebSocket;
  /** The connection below the WebSocket: it says when there is room to write. */
  readonly socket: Duplex;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly pingMs: number;
  readonly deadMs: number;
  /** Absent: the other hub may open none. */
  readonly onIncoming?: (incoming: IncomingStream) => void;
  readonly onCount?: (live: number) => void;
  /** Once, when the connection is over. */
  readonly onEnd: (reason: string) => void;
}

/** One WebSocket between two hubs, with streams on it. */
export class PeerLink {
  readonly mux: Mux;
  readonly #deps: PeerLinkDeps;
  #heardAtMs: number;
  #cancelPing: () => void = () => undefined;
  #isOver = false;

  constructor(deps: PeerLinkDeps) {
    this.#deps = deps;
    this.#heardAtMs = deps.clock.nowMs();
    this.mux = createMux({
      socket: {
        send: (head, payload) => this.#send(payload === undefined ? head : Buffer.concat([head, payload])),
        isWritable: () => !deps.socket.writableNeedDrain,
      },
      limits: deps.limits,
      clock: deps.clock,
      onViolation: (reason) => this.end(reason, BAD_FRAME),
      ...(deps.onIncoming === undefined ? {} : { onIncoming: deps.onIncoming }),
      ...(deps.onCount === undefined ? {} : { onCount: deps.onCount }),
    });
    this.#listen();
    this.#schedulePing();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Says goodbye; streams end at once. */
  end(reason: string, code = 1000): void {
    if (this.#isOver) return;
    this.#deps.ws.close(code, reason.slice(0, 120));
    this.#over(reason);
  }

  #listen(): void {
    const { ws, socket } = this.#deps;
    ws.on("message", (data, isBinary) => this.#receive(data, isBinary));
    ws.on("ping", () => this.#hear());
    ws.on("pong", () => this.#hear());
    ws.on("close", (code) => this.#over(`closed with ${code}`));
    // The close that follows ends it; a message that is too big comes here as well.
    ws.on("error", (error) => this.#over(error.message));
    socket.on("drain", () => this.mux.drained());
  }

  #receive(data: unknown, isBinary: boolean): void {
    this.#hear();
    if (isBinary && Buffer.isBuffer(data)) this.mux.receive(data);
    else this.end("a text message", BAD_FRAME);
  }

  #send(message: Buffer): void {
    const { ws } = this.#deps;
    if (ws.readyState === ws.OPEN) ws.send(message, { binary: true, compress: false });
  }

  #hear(): void {
    this.#heardAtMs = this.#deps.clock.nowMs();
  }

  #schedulePing(): void {
    const { clock, pingMs } = this.#deps;
    this.#cancelPing = clock.schedule(pingMs, () => this.#ping());
  }

  #ping(): void {
    const { ws, clock, deadMs } = this.#deps;
    if (clock.nowMs() - this.#heardAtMs >= deadMs) {
      ws.terminate();
      this.#over("no sign of life");
      return;
    }
    if (ws.readyState === ws.OPEN) ws.ping();
    this.#schedulePing();
  }

  #over(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelPing();
    this.mux.close(new StreamError("LOST", `the connection with the other hub is over: ${reason}`));
    this.#deps.onEnd(reason);
  }
}
