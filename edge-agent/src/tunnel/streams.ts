// SPDX-License-Identifier: Apache-2.0
import { createMux, StreamError, type IncomingStream, type StreamLimits } from "@longshore/crds/stream";
import { CloseCode } from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { TunnelMetrics } from "./metrics.ts";

/** The part of a connection that streams use. */
export interface StreamSocket {
  sendBinary(head: Buffer, payload?: Buffer): void;
  isWritable(): boolean;
  /** Ends the connection with a closing handshake. */
  close(code: number, reason: string): void;
}

/** What the streams of a session need of it. */
export interface SessionStreamsDeps {
  readonly socket: StreamSocket;
  readonly limits: StreamLimits;
  readonly onIncoming: (incoming: IncomingStream) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly metrics: TunnelMetrics;
}

/** The streams that a session carries beside its frames. */
export interface SessionStreams {
  /** One binary message. */
  receive(message: Buffer): void;
  /** The socket has room again. */
  drained(): void;
  /** The session is over, and every stream with it. */
  close(): void;
}

/** The hub opens streams, the agent opens none. A hub that breaks their rules loses the session. */
export function createSessionStreams(deps: SessionStreamsDeps): SessionStreams {
  const { socket, metrics, log } = deps;
  const mux = createMux({
    socket: {
      send: (head, payload) => {
        metrics.streamed("up", head.length + (payload?.length ?? 0));
        socket.sendBinary(head, payload);
      },
      isWritable: () => socket.isWritable(),
    },
    limits: deps.limits,
    onIncoming: deps.onIncoming,
    onViolation: (reason) => {
      metrics.rejected("downlink", "STREAM");
      log.warn({ reason }, "the hub broke the rules of streams, ending the session");
      close();
      socket.close(CloseCode.badMessage, reason.slice(0, 120));
    },
    clock: deps.clock,
  });
  const close = (): void => mux.close(new StreamError("LOST", "the session with the hub ended"));
  return {
    receive: (message) => {
      metrics.streamed("down", message.length);
      mux.receive(message);
    },
    drained: () => mux.drained(),
    close,
  };
}
