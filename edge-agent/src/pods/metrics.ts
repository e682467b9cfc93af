// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the engine counts. Names are API. */
export interface PodMetrics {
  readonly actions: Counter<"action" | "result">;
  readonly relists: Histogram<"result">;
  readonly statuses: Counter<"result">;
  readonly pulls: Counter<"result">;
  readonly workers: Gauge;
}

/** What the pod engine tells about itself. Never labelled by pod. */
export function createMetrics(registry: Registry): PodMetrics {
  const registers = [registry];
  return {
    actions: new Counter({
      name: "longshore_edge_pod_actions_total",
      help: "Actions of the pod engine by kind and result",
      labelNames: ["action", "result"],
      registers,
    }),
    relists: new Histogram({
      name: "longshore_edge_runtime_relist_seconds",
      help: "Time to look at the whole container runtime",
      labelNames: ["result"],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    statuses: new Counter({
      name: "longshore_edge_pod_status_updates_total",
      help: "Pod statuses sent to the cloud by result",
      labelNames: ["result"],
      registers,
    }),
    pulls: new Counter({
      name: "longshore_edge_image_pulls_total",
      help: "Image pulls by result",
      labelNames: ["result"],
      registers,
    }),
    workers: new Gauge({ name: "longshore_edge_pods", help: "Pods that the engine looks after", registers }),
  };
}
