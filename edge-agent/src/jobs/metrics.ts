// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, type Registry } from "prom-client";

/** What the agent's jobs count. Names are API; never labelled by job. */
export interface JobMetrics {
  readonly steps: Counter<"kind" | "step" | "outcome">;
  readonly orders: Counter<"kind" | "outcome">;
  readonly reports: Counter<"result">;
  readonly waiting: Gauge;
}

/** Registers what the agent's jobs tell about themselves. */
export function createJobMetrics(registry: Registry): JobMetrics {
  const registers = [registry];
  return {
    steps: new Counter({
      name: "longshore_agent_jobs_steps_total",
      help: "Steps of jobs that ended on this node, by outcome",
      labelNames: ["kind", "step", "outcome"],
      registers,
    }),
    orders: new Counter({
      name: "longshore_agent_jobs_orders_total",
      help: "Orders of jobs: accepted, withdrawn before they changed anything, or refused",
      labelNames: ["kind", "outcome"],
      registers,
    }),
    reports: new Counter({
      name: "longshore_agent_jobs_reports_total",
      help: "Reports of jobs to the cloud by result",
      labelNames: ["result"],
      registers,
    }),
    waiting: new Gauge({
      name: "longshore_agent_jobs_reports_waiting",
      help: "Tasks of which the cloud has not stored the newest yet",
      registers,
    }),
  };
}
