// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { KeeperObserver } from "./certificate/index.ts";

/** What became of one request. */
export interface Outcome {
  readonly path: string;
  readonly result: "allowed" | "denied" | "refused";
  /** HTTP status of the answer; a review is always 200. */
  readonly status: number;
  readonly seconds: number;
  /** Why it was refused. */
  readonly reason?: string;
  /** Warnings in the answer. */
  readonly warnings?: number;
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
  const warned = new Counter({
    name: "longshore_webhook_warnings_total",
    help: "Warnings given with verdicts",
    labelNames: ["webhook"],
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
    ended({ path: webhook, result, status, seconds, reason, warnings = 0 }) {
      inFlight.dec({ webhook });
      requests.inc({ webhook, code: String(status) });
      latency.observe({ webhook }, seconds);
      verdicts.inc({ webhook, result });
      if (warnings > 0) warned.inc({ webhook }, warnings);
      if (result === "refused") rejects.inc({ surface: "webhook", reason: reason ?? "UNKNOWN" });
    },
    panicked: () => panics.inc(),
  };
}

/** Resources that rules read. */
export type Looked = "devicemodels" | "devices" | "rules" | "ruleendpoints" | "nodegroups" | "nodes";

/** What the certificate keeper does, and what rules could not look up. */
export interface UpkeepMetrics extends KeeperObserver {
  lookupFailed(kind: Looked): void;
}

export function createUpkeepMetrics(registry: Registry): UpkeepMetrics {
  const registers = [registry];
  const actions = new Counter({
    name: "longshore_webhook_certificate_actions_total",
    help: "Writes to the certificate's Secret and to webhook configurations, by result",
    labelNames: ["action", "result"],
    registers,
  });
  const failures = new Counter({
    name: "longshore_webhook_certificate_failures_total",
    help: "Looks at the certificate's Secret and webhook configurations that failed",
    registers,
  });
  const ends = new Gauge({
    name: "longshore_webhook_certificate_not_after_seconds",
    help: "End of the CA and of the serving certificate in use, Unix time",
    labelNames: ["certificate"],
    registers,
  });
  const lookups = new Counter({
    name: "longshore_webhook_lookup_failures_total",
    help: "Objects that could not be read for a review, which was then admitted with a warning",
    labelNames: ["resource"],
    registers,
  });
  return {
    acted: (action, result) => actions.inc({ action, result }),
    failed: () => failures.inc(),
    expiry({ caMs, servingMs }) {
      ends.set({ certificate: "ca" }, caMs / 1_000);
      ends.set({ certificate: "serving" }, servingMs / 1_000);
    },
    lookupFailed: (resource) => lookups.inc({ resource }),
  };
}
