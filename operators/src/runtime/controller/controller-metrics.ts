// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type ReconcileOutcome = "success" | "error" | "requeue" | "requeue_after";

export interface ControllerObserver {
  started(): void;
  ended(outcome: ReconcileOutcome, durationMs: number): void;
  terminal(): void;
  panicked(): void;
  timedOut(): void;
}

export interface ControllerMetrics {
  observe(controller: string, maxConcurrentReconciles: number): ControllerObserver;
}

const OUTCOMES: readonly ReconcileOutcome[] = ["success", "error", "requeue", "requeue_after"];
// 5 ms to 60 s, denser where reconciles usually are; those of controller-runtime.
const BUCKETS_S = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const LABELS = ["controller"] as const;

/** controller-runtime's metrics of reconcilers, one set for all controllers of a process. */
export function createControllerMetrics(registry: Registry): ControllerMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter<"controller"> =>
    new Counter({ name: `controller_runtime_${name}`, help, labelNames: LABELS, registers });
  const gauge = (name: string, help: string): Gauge<"controller"> =>
    new Gauge({ name: `controller_runtime_${name}`, help, labelNames: LABELS, registers });
  const total = new Counter({
    name: "controller_runtime_reconcile_total",
    help: "Reconciles by outcome",
    labelNames: [...LABELS, "result"] as const,
    registers,
  });
  const errors = counter("reconcile_errors_total", "Reconciles that failed");
  const terminal = counter("terminal_reconcile_errors_total", "Reconciles that failed for good");
  const panics = counter("reconcile_panics_total", "Reconciles that failed by a fault of the program");
  const timeouts = counter("reconcile_timeouts_total", "Reconciles that took longer than their timeout");
  const active = gauge("active_workers", "Reconciles that run now");
  const max = gauge("max_concurrent_reconciles", "Reconciles that may run at once");
  const time = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "Duration of reconciles",
    buckets: BUCKETS_S,
    labelNames: LABELS,
    registers,
  });
  return {
    observe(controller, maxConcurrentReconciles) {
      const labels = { controller };
      for (const result of OUTCOMES) total.inc({ controller, result }, 0);
      for (const c of [errors, terminal, panics, timeouts]) c.inc(labels, 0);
      active.set(labels, 0);
      max.set(labels, maxConcurrentReconciles);
      return {
        started: () => active.inc(labels),
        ended(result, durationMs) {
          active.dec(labels);
          total.inc({ controller, result });
          if (result === "error") errors.inc(labels);
          time.observe(labels, durationMs / 1000);
        },
        terminal: () => terminal.inc(labels),
        panicked: () => panics.inc(labels),
        timedOut: () => timeouts.inc(labels),
      };
    },
  };
}
