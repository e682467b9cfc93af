// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What became of one request. */
export interface Outcome {
  readonly path: string;
  readonly result: "allowed" | "denied" | "refused";
  /** HTTP status of the answer; a review is always 200. */
  readonly status: number;
  readonly seconds: number;
  /** Why it was refused. */
  readonly reason?: string;
}

export interface WebhookMetrics {
  started(path: string): void;
  ended(outcome: Outcome): void;
  /** A rule threw. */
  panicked(path: string): void;
}

/** controller-runtime's metrics of webhooks, and the counter of refused input that all parts share. */
export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "controller_runtime_webhook_requests_total",
    help: "Admission requests by HTTP status code",
    labelNames: ["webhook", "code"],
    registers,
  });
  const latency = new Histogram({
    name: "controller_runtime_webhook_latency_seconds",
    help: "Time to answer admission requests",
    labelNames: ["webhook"],
    registers,
  });
  const inFlight = new Gauge({
    name: "controller_runtime_webhook_requests_in_flight",
    help: "Admission requests that are being answered",
    labelNames: ["webhook"],
    registers,
  });
  const panics = new Counter({
    name: "controller_runtime_webhook_panics_total",
    help: "Rules that failed by a fault of the program",
    registers,
  });
  const verdicts = new Counter({
    name: "longshore_webhook_requests_total",
    help: "Admission requests by verdict",
    labelNames: ["webhook", "result"],
    registers,
  });
  const rejects = new Counter({
    name: "edge_reject_total",
    help: "Refused input by surface and reason.",
    labelNames: ["surface", "reason"],
    registers,
  });
  return {
    started: (webhook) => inFlight.inc({ webhook }),
    ended({ path: webhook, result, status, seconds, reason }) {
      inFlight.dec({ webhook });
      requests.inc({ webhook, code: String(status) });
      latency.observe({ webhook }, seconds);
      verdicts.inc({ webhook, result });
      if (result === "refused") rejects.inc({ surface: "webhook", reason: reason ?? "UNKNOWN" });
    },
    panicked: () => panics.inc(),
  };
}
