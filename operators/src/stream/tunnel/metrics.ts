// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, type Registry } from "prom-client";

export interface StreamTunnelMetrics {
  readonly tunnels: Gauge;
  readonly connections: Counter<"result">;
  readonly streams: Gauge;
  readonly opens: Counter<"verb" | "result">;
  readonly fromEdge: { inc(bytes: number): void };
  readonly toEdge: { inc(bytes: number): void };
  readonly dropped: Counter<"reason">;
  readonly pauses: Counter;
}

/** The metrics of KubeEdge's stream tunnel. Names are API; no label is ever a node or an object. */
export function createStreamTunnelMetrics(registry: Registry): StreamTunnelMetrics {
  const registers = [registry];
  const bytes = new Counter({
    name: "longshore_stream_tunnel_bytes_total",
    help: "Bytes of streams in KubeEdge's stream tunnels, by direction.",
    labelNames: ["direction"],
    registers,
  });
  return {
    tunnels: new Gauge({
      name: "longshore_stream_tunnel_connected_nodes",
      help: "Nodes with a stream tunnel of KubeEdge at this hub.",
      registers,
    }),
    connections: new Counter({
      name: "longshore_stream_tunnel_connections_total",
      help: "Connection attempts of stream tunnels by result.",
      labelNames: ["result"],
      registers,
    }),
    streams: new Gauge({
      name: "longshore_stream_tunnel_streams",
      help: "Live streams in KubeEdge's stream tunnels.",
      registers,
    }),
    opens: new Counter({
      name: "longshore_stream_tunnel_opens_total",
      help: "Streams that were asked for through a stream tunnel, by verb and what came of it.",
      labelNames: ["verb", "result"],
      registers,
    }),
    fromEdge: bytes.labels({ direction: "from_edge" }),
    toEdge: bytes.labels({ direction: "to_edge" }),
    dropped: new Counter({
      name: "longshore_stream_tunnel_dropped_total",
      help: "Messages of stream tunnels that no stream took, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    pauses: new Counter({
      name: "longshore_stream_tunnel_pauses_total",
      help: "Times that a tunnel was not read for a moment because a reader was slow.",
      registers,
    }),
  };
}
