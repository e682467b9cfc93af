// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface StreamMetrics {
  readonly active: Gauge<"verb">;
  readonly opens: Counter<"verb" | "result">;
  readonly openSeconds: Histogram<"verb">;
  readonly fromEdge: { inc(bytes: number): void };
  readonly toEdge: { inc(bytes: number): void };
  readonly rejects: { inc(labels: { surface: string; reason: string }): void };
  readonly peers: Gauge<"direction">;
}

/** The stream room's metrics. Names are API; no label is ever a node or an object. */
export function createStreamMetrics(registry: Registry): StreamMetrics {
  const registers = [registry];
  const bytes = new Counter({
    name: "longshore_stream_bytes_total",
    help: "Bytes of streams between this hub and the API server, by direction.",
    labelNames: ["direction"],
    registers,
  });
  return {
    active: new Gauge({
      name: "longshore_stream_active",
      help: "Streams that are open, own and for other hubs, by verb.",
      labelNames: ["verb"],
      registers,
    }),
    opens: new Counter({
      name: "longshore_stream_opens_total",
      help: "Streams that were asked for, by verb and what came of it.",
      labelNames: ["verb", "result"],
      registers,
    }),
    openSeconds: new Histogram({
      name: "longshore_stream_open_seconds",
      help: "From the request to the node's acceptance.",
      labelNames: ["verb"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    fromEdge: bytes.labels({ direction: "from_edge" }),
    toEdge: bytes.labels({ direction: "to_edge" }),
    rejects: rejectCounter(registry),
    peers: new Gauge({
      name: "longshore_stream_peers",
      help: "Connections with other hubs, by who opened them.",
      labelNames: ["direction"],
      registers,
    }),
  };
}

/** The one counter of refused input, which several parts of a process share. */
function rejectCounter(registry: Registry): Counter<"surface" | "reason"> {
  const name = "edge_reject_total";
  const existing = registry.getSingleMetric(name);
  if (existing instanceof Counter) return existing;
  const labelNames = ["surface", "reason"] as const;
  return new Counter({
    name,
    help: "Refused input by surface and reason.",
    labelNames,
    registers: [registry],
  });
}
