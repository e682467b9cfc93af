// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, type Registry } from "prom-client";

/** What the tunnel to a CloudCore counts. */
export interface EdgeStreamMetrics {
  readonly connected: Gauge;
  readonly dials: Counter<"result">;
  readonly streams: Gauge;
  readonly opens: Counter<"verb" | "result">;
  readonly dropped: Counter<"reason">;
}

/** Registers the metrics of the stream tunnel to a CloudCore. Names are API. */
export function createEdgeStreamMetrics(registry: Registry): EdgeStreamMetrics {
  const registers = [registry];
  return {
    connected: new Gauge({
      name: "longshore_edge_cloudcore_stream_connected",
      help: "1 while the stream tunnel to a CloudCore is open.",
      registers,
    }),
    dials: new Counter({
      name: "longshore_edge_cloudcore_stream_dials_total",
      help: "Attempts to open the stream tunnel to a CloudCore, by result.",
      labelNames: ["result"],
      registers,
    }),
    streams: new Gauge({
      name: "longshore_edge_cloudcore_stream_active",
      help: "Live streams in the tunnel to a CloudCore.",
      registers,
    }),
    opens: new Counter({
      name: "longshore_edge_cloudcore_stream_opens_total",
      help: "Streams that a CloudCore asked for, by message and what came of it.",
      labelNames: ["verb", "result"],
      registers,
    }),
    dropped: new Counter({
      name: "longshore_edge_cloudcore_stream_dropped_total",
      help: "Messages of a CloudCore that no stream took, by reason.",
      labelNames: ["reason"],
      registers,
    }),
  };
}
