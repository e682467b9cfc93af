// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface HubMetrics {
  readonly connectedNodes: { inc(): void; dec(): void };
  readonly connections: Counter<"result">;
  readonly disconnects: Counter<"reason">;
  readonly sessionSeconds: Histogram;
  readonly messages: Counter<"direction" | "resource">;
  readonly bytes: Counter<"direction">;
  readonly streams: Gauge;
  readonly ackSeconds: Histogram;
  readonly retries: Counter;
  readonly dropped: Counter<"reason">;
  readonly quarantined: Counter;
  readonly orders: Counter<"kind" | "outcome">;
  readonly rejects: Counter<"surface" | "reason">;
  readonly strayAcks: Counter;
  readonly mailboxErrors: Counter<"operation">;
  readonly leaseRenewals: Counter<"result">;
}

/** The hub's metrics. Names are API; no label is ever a node or an object. */
export function createHubMetrics(registry: Registry): HubMetrics {
  const registers = [registry];
  const nodes = new Gauge({
    name: "longshore_hub_connected_nodes",
    help: "Nodes with a live session.",
    registers,
  });
  const alias = new Gauge({
    name: "KubeEdge_CloudHub_connected_nodes",
    help: "Same as longshore_hub_connected_nodes, under KubeEdge's name.",
    registers,
  });
  return {
    connectedNodes: {
      inc: () => {
        nodes.inc();
        alias.inc();
      },
      dec: () => {
        nodes.dec();
        alias.dec();
      },
    },
    connections: new Counter({
      name: "longshore_hub_connections_total",
      help: "Connection attempts by result.",
      labelNames: ["result"],
      registers,
    }),
    disconnects: new Counter({
      name: "longshore_hub_disconnects_total",
      help: "Ended sessions by reason.",
      labelNames: ["reason"],
      registers,
    }),
    sessionSeconds: new Histogram({
      name: "longshore_hub_session_duration_seconds",
      help: "How long ended sessions lasted.",
      buckets: [1, 10, 60, 600, 3600, 86_400, 604_800],
      registers,
    }),
    messages: new Counter({
      name: "longshore_hub_messages_total",
      help: "Messages by direction and resource type.",
      labelNames: ["direction", "resource"],
      registers,
    }),
    bytes: new Counter({
      name: "longshore_hub_message_bytes_total",
      help: "Bytes of messages by direction, before TLS.",
      labelNames: ["direction"],
      registers,
    }),
    streams: new Gauge({
      name: "longshore_hub_session_streams",
      help: "Streams (kubectl logs, exec and others) in the sessions of edges.",
      registers,
    }),
    ...createDeliveryMetrics(registry),
  };
}

/** The one counter of refused input, which several parts of a process share. */
export function rejectCounter(registry: Registry): Counter<"surface" | "reason"> {
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

/** What nodes tell of their tasks. */
export interface TaskReportMetrics {
  readonly reports: Counter<"kind" | "outcome">;
  readonly cuts: Counter;
}

export function taskReportMetrics(registry: Registry): TaskReportMetrics {
  const registers = [registry];
  return {
    reports: new Counter({
      name: "longshore_task_reports_total",
      help: "Reports of tasks by the kind of their job and what became of them.",
      labelNames: ["kind", "outcome"],
      registers,
    }),
    cuts: new Counter({
      name: "longshore_task_report_cuts_total",
      help: "Texts in reports of tasks that were too long, and parts that were left out.",
      registers,
    }),
  };
}

/** What devices report. */
export interface DeviceMetrics {
  readonly reports: Counter<"result">;
  readonly skipped: Counter<"reason">;
  readonly writes: Counter;
  readonly coalesced: Counter;
  /** Says what waits now; asked whenever the metrics are read. */
  watch(waiting: () => { readonly waiting: number; readonly oldestSeconds: number }): void;
}

export function deviceMetrics(registry: Registry): DeviceMetrics {
  const registers = [registry];
  return {
    reports: new Counter({
      name: "longshore_device_reports_total",
      help: "Reports of devices by what became of them: written or unchanged.",
      labelNames: ["result"],
      registers,
    }),
    skipped: new Counter({
      name: "longshore_device_report_entries_skipped_total",
      help: "Properties in reports of devices that were left out, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    writes: new Counter({
      name: "longshore_device_status_writes_total",
      help: "Writes of DeviceStatuses, those that were overtaken among them.",
      registers,
    }),
    coalesced: new Counter({
      name: "longshore_device_reports_coalesced_total",
      help: "Reports that were laid over one of the same device that waited to be written.",
      registers,
    }),
    watch: (waiting) => watchWaiting(registry, waiting),
  };
}

function watchWaiting(registry: Registry, waiting: Parameters<DeviceMetrics["watch"]>[0]): void {
  const gauge = (name: string, help: string, valueOf: () => number): Gauge =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(valueOf());
      },
    });
  gauge(
    "longshore_device_reports_waiting",
    "Devices whose newest report waits to be written.",
    () => waiting().waiting,
  );
  gauge(
    "longshore_device_reports_oldest_seconds",
    "How long the longest waiting of them waits.",
    () => waiting().oldestSeconds,
  );
}

type DeliveryMetrics = Omit<
  HubMetrics,
  "connectedNodes" | "connections" | "disconnects" | "sessionSeconds" | "messages" | "bytes" | "streams"
>;

function createDeliveryMetrics(registry: Registry): DeliveryMetrics {
  const registers = [registry];
  return {
    ackSeconds: new Histogram({
      name: "longshore_delivery_ack_latency_seconds",
      help: "From sending an object to its acknowledgement by the edge.",
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60],
      registers,
    }),
    retries: new Counter({
      name: "longshore_delivery_retries_total",
      help: "Pushes that were not acknowledged in time, or refused.",
      registers,
    }),
    dropped: new Counter({
      name: "longshore_delivery_dropped_total",
      help: "Wants that this hub does not send, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    quarantined: new Counter({
      name: "longshore_delivery_quarantined_total",
      help: "Keys that were set aside after repeated failures.",
      registers,
    }),
    orders: new Counter({
      name: "longshore_task_orders_total",
      help: "Orders of tasks to edges that acknowledge none, by what became of them.",
      labelNames: ["kind", "outcome"],
      registers,
    }),
    rejects: rejectCounter(registry),
    strayAcks: new Counter({
      name: "longshore_hub_stray_acks_total",
      help: "Acknowledgements that match nothing in flight.",
      registers,
    }),
    mailboxErrors: new Counter({
      name: "longshore_hub_mailbox_errors_total",
      help: "Failed calls of the mailbox by operation.",
      labelNames: ["operation"],
      registers,
    }),
    leaseRenewals: new Counter({
      name: "longshore_hub_lease_renewals_total",
      help: "Node Lease renewals written for edges by result.",
      labelNames: ["result"],
      registers,
    }),
  };
}
