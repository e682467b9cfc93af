// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, type Registry } from "prom-client";

/** Which broker: the agent's own, or another on this machine. */
export type BrokerName = "internal" | "external";

/** What the event bus counts. Names are API; never labelled by device, user or topic. */
export interface BusMetrics {
  readonly connected: Gauge<"broker">;
  readonly messages: Counter<"kind" | "result">;
  readonly published: Counter<"broker" | "result">;
  readonly uploads: Counter<"result">;
  /** Of uploads that the quota pushed out. */
  readonly dropped: Counter;
}

/** @param waiting uploads on disk, read when metrics are collected */
export function createBusMetrics(
  registry: Registry,
  waiting: () => { readonly count: number; readonly bytes: number },
): BusMetrics {
  const registers = [registry];
  new Gauge({
    name: "longshore_edge_bus_outbox_messages",
    help: "Uploads by MQTT that wait for the cloud",
    registers,
    collect() {
      this.set(waiting().count);
    },
  });
  new Gauge({
    name: "longshore_edge_bus_outbox_bytes",
    help: "Bytes of uploads by MQTT that wait for the cloud",
    registers,
    collect() {
      this.set(waiting().bytes);
    },
  });
  return {
    connected: new Gauge({
      name: "longshore_edge_bus_connected",
      help: "1 while the external broker is connected, and while the own broker listens",
      labelNames: ["broker"],
      registers,
    }),
    messages: new Counter({
      name: "longshore_edge_bus_messages_total",
      help: "Messages by MQTT that asked for something, by what and by result",
      labelNames: ["kind", "result"],
      registers,
    }),
    published: new Counter({
      name: "longshore_edge_bus_published_total",
      help: "Messages of the agent by MQTT",
      labelNames: ["broker", "result"],
      registers,
    }),
    uploads: new Counter({
      name: "longshore_edge_bus_uploads_total",
      help: "Uploads to the cloud by result; a refused or failed one is tried again",
      labelNames: ["result"],
      registers,
    }),
    dropped: new Counter({
      name: "longshore_edge_bus_outbox_dropped_total",
      help: "Uploads that were dropped by the quota or by age before the cloud took them",
      registers,
    }),
  };
}
