// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, type Registry } from "prom-client";

/** What the devices' room counts. Names are API; never labelled by device, mapper or protocol. */
export interface DeviceMetrics {
  readonly requests: Counter<"method" | "code" | "reason">;
  readonly doubts: Counter<"reason">;
  readonly calls: Counter<"call" | "result">;
  readonly reports: Counter<"kind" | "result">;
  readonly dropped: Counter<"reason">;
  readonly devices: Gauge<"state">;
  readonly verdicts: Gauge<"reason">;
  readonly mappers: Gauge;
  readonly socketOpen: Gauge;
}

/** Registers what the devices' room tells about itself. */
export function createDeviceMetrics(registry: Registry): DeviceMetrics {
  const registers = [registry];
  return {
    requests: new Counter({
      name: "longshore_edge_dmi_requests_total",
      help: "Calls of mappers by method, gRPC code and, where refused, reason",
      labelNames: ["method", "code", "reason"],
      registers,
    }),
    doubts: new Counter({
      name: "longshore_edge_dmi_doubtful_total",
      help: "Calls that were taken although it is not sure which mapper makes them, by reason",
      labelNames: ["reason"],
      registers,
    }),
    calls: new Counter({
      name: "longshore_edge_mapper_calls_total",
      help: "What mappers were told, by call and result",
      labelNames: ["call", "result"],
      registers,
    }),
    reports: new Counter({
      name: "longshore_edge_device_reports_total",
      help: "Twin and state frames to the cloud by result",
      labelNames: ["kind", "result"],
      registers,
    }),
    dropped: new Counter({
      name: "longshore_edge_twins_dropped_total",
      help: "Reported properties that were not taken, by reason",
      labelNames: ["reason"],
      registers,
    }),
    devices: new Gauge({
      name: "longshore_edge_devices",
      help: "Devices of this node: served by a mapper, waiting for one, or not to be told as they are",
      labelNames: ["state"],
      registers,
    }),
    verdicts: new Gauge({
      name: "longshore_edge_device_verdicts",
      help: "Devices of this node by the reason of their state",
      labelNames: ["reason"],
      registers,
    }),
    mappers: new Gauge({ name: "longshore_edge_mappers", help: "Mappers that have registered", registers }),
    socketOpen: new Gauge({
      name: "longshore_edge_dmi_open",
      help: "1 while the socket for mappers is open",
      registers,
    }),
  };
}
