// SPDX-License-Identifier: Apache-2.0
import {
  createMux,
  STREAM_LIMITS,
  StreamError,
  type Mux,
  type OpenedStream,
  type StreamOpener,
  type StreamRequest,
} from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import type { HubClock } from "../clock.ts";
import { EndReasons, type EndReason } from "../end-reasons.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import type { SessionLog } from "../uplink/port.ts";
import type { Outbound } from "./outbound.ts";

export interface SessionStreamsDeps {
  readonly clock: HubClock;
  readonly options: HubOptions;
  readonly metrics: HubMetrics;
}

/** What the streams need of their session. */
export interface StreamsHost {
  readonly node: string;
  readonly open: boolean;
  readonly log: SessionLog;
  readonly out: Outbound;
  readonly socket: Pick<Duplex, "writableNeedDrain">;
  end(reason: EndReason): void;
}

/** The streams of one session: those that the hub opens at the edge. Costs next to nothing until the first one. */
export class SessionStreams implements StreamOpener {
  readonly #deps: SessionStreamsDeps;
  readonly #host: StreamsHost;
  #mux: Mux | undefined;
  #live = 0;

  constructor(deps: SessionStreamsDeps, host: StreamsHost) {
    this.#deps = deps;
    this.#host = host;
  }

  open(request: StreamRequest, signal?: AbortSignal): Promise<OpenedStream> {
    return this.#made().open(request, signal);
  }

  /** One binary message of the edge. The uplink's rate is not for these: each stream has its window. */
  receive(message: Buffer): void {
    const { metrics } = this.#deps;
    metrics.messages.inc({ direction: "up", resource: "stream" });
    metrics.bytes.inc({ direction: "up" }, message.length);
    this.#made().receive(message);
  }

  drained(): void {
    this.#mux?.drained();
  }

  /** The session is over. */
  close(): void {
    this.#mux?.close(new StreamError("LOST", `the connection to node ${this.#host.node} ended`));
  }

  #made(): Mux {
    this.#mux ??= this.#create();
    return this.#mux;
  }

  #create(): Mux {
    const { clock, options } = this.#deps;
    const host = this.#host;
    return createMux({
      socket: {
        send(head, payload) {
          if (host.open) host.out.writeBinary(head, payload);
        },
        // What control writes now leaves soon.
        isWritable: () => host.open && !host.socket.writableNeedDrain,
      },
      limits: { ...STREAM_LIMITS, maxStreams: options.maxStreams },
      onViolation: (reason) => this.#violated(reason),
      onCount: (live) => this.#count(live),
      clock: {
        nowMs: () => clock.nowMs(),
        schedule(delayMs, run) {
          const stop = clock.every(delayMs, () => {
            stop();
            run();
          });
          return stop;
        },
      },
    });
  }

  #violated(reason: string): void {
    this.#deps.metrics.rejects.inc({ surface: "tunnel", reason: "stream" });
    this.#host.log.warn({ reason }, "stream frame not taken");
    this.#host.end(EndReasons.badStream);
  }

  #count(live: number): void {
    this.#deps.metrics.streams.inc(live - this.#live);
    this.#live = live;
  }
}
