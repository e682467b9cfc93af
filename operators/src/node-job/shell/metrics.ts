// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { JobKind } from "@longshore/crds/tasks";
import type { JobStatus, Task } from "../port.ts";
import type { StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

/** Never labelled by job or node. */
export interface JobMetrics {
  readonly decideSeconds: Histogram<"kind">;
  readonly writes: Counter<"kind" | "result">;
  readonly starts: Counter<"kind">;
  readonly ends: Counter<"kind" | "outcome">;
}

/** Of one kind, as it is counted. */
export interface Counted {
  readonly kind: JobKind;
  /** All jobs of the kind. */
  readonly list: () => readonly StoredJob[];
}

export function createJobMetrics(registry: Registry, counted: readonly Counted[]): JobMetrics {
  addTasks(registry, counted);
  const registers = [registry];
  const writes = new Counter({
    name: "longshore_job_status_writes_total",
    help: "Writes of a job's status, by result: written, conflict (somebody else was faster) or failed",
    labelNames: ["kind", "result"] as const,
    registers,
  });
  const ends = new Counter({
    name: "longshore_job_task_ends_total",
    help: "Tasks of nodes that ended, by outcome",
    labelNames: ["kind", "outcome"] as const,
    registers,
  });
  for (const { kind } of counted) {
    for (const result of ["written", "conflict", "failed"]) writes.inc({ kind, result }, 0);
    for (const outcome of OUTCOMES) ends.inc({ kind, outcome }, 0);
  }
  return {
    ...{ writes, ends },
    decideSeconds: new Histogram({
      name: "longshore_job_decide_seconds",
      help: "Time that one decision about all nodes of a job takes",
      labelNames: ["kind"] as const,
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
    starts: new Counter({
      name: "longshore_job_task_starts_total",
      help: "Tasks that nodes were ordered to begin",
      labelNames: ["kind"] as const,
      registers,
    }),
  };
}

const OUTCOMES: readonly Task["phase"][] = ["Successful", "Failure", "Unknown"];
const PHASES = ["pending", "running", "done", "failed"] as const;

function addTasks(registry: Registry, counted: readonly Counted[]): void {
  new Gauge({
    name: "longshore_job_tasks",
    help: "Tasks of nodes of all jobs that there are, by how they stand",
    labelNames: ["kind", "phase"] as const,
    registers: [registry],
    collect() {
      for (const { kind, list } of counted) {
        const summaries = list().map(({ status }) => status?.summary);
        for (const phase of PHASES) {
          const sum = summaries.reduce((total, summary) => total + (summary?.[phase] ?? 0), 0);
          this.set({ kind, phase }, sum);
        }
      }
    },
  });
}

/** Counts what became of tasks with one write. */
export function countTasks(metrics: JobMetrics, before: StoredJob, now: JobStatus): void {
  const { kind } = before.job;
  const known = tasksByNode(before);
  for (const task of now.nodeStatus ?? []) {
    const old = known.get(task.nodeName);
    if (old?.phase === task.phase && old.attempt === task.attempt) continue;
    if (task.phase === "InProgress") metrics.starts.inc({ kind });
    else if (OUTCOMES.includes(task.phase)) metrics.ends.inc({ kind, outcome: task.phase });
  }
}
