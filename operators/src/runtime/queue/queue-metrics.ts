// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Clock } from "../clock.ts";

/** What a queue tells about itself. */
export interface QueueObserver {
  added(key: string, priority: number): void;
  reprioritised(from: number, to: number): void;
  started(key: string, priority: number): void;
  finished(key: string): void;
  retried(): void;
}

export interface QueueMetrics {
  /** @param name the controller's name */
  observe(name: string): QueueObserver;
}

// client-go: 10 ns to 1000 s by powers of ten, of which JavaScript can tell the upper ones apart.
const BUCKETS_S = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const MAX_PRIORITIES = 25;
const LABELS = ["name", "controller"] as const;

interface Turns {
  readonly addedAtMs: Map<string, number>;
  readonly startedAtMs: Map<string, number>;
}

/** controller-runtime's metrics of work queues, one set for all queues of a process. */
export function createQueueMetrics(registry: Registry, clock: Clock): QueueMetrics {
  const queues = new Map<string, Turns>();
  const common = { registers: [registry], labelNames: LABELS };
  const depth = new Gauge({
    name: "workqueue_depth",
    help: "Keys that are ready, by priority",
    registers: [registry],
    labelNames: [...LABELS, "priority"] as const,
  });
  const adds = new Counter({ ...common, name: "workqueue_adds_total", help: "Keys that became ready" });
  const retries = new Counter({ ...common, name: "workqueue_retries_total", help: "Delayed adds" });
  const waited = new Histogram({
    ...common,
    name: "workqueue_queue_duration_seconds",
    help: "Time from ready to handed out",
    buckets: BUCKETS_S,
  });
  const worked = new Histogram({
    ...common,
    name: "workqueue_work_duration_seconds",
    help: "Time from handed out to done",
    buckets: BUCKETS_S,
  });
  createRunningGauges(registry, clock, queues);

  return {
    observe(name) {
      const labels = { name, controller: name };
      const turns: Turns = { addedAtMs: new Map(), startedAtMs: new Map() };
      queues.set(name, turns);
      const priorityLabel = createPriorityLabel();
      const change = (priority: number, by: number): void =>
        depth.inc({ ...labels, priority: priorityLabel(priority) }, by);
      for (const counter of [adds, retries]) counter.inc(labels, 0);
      for (const histogram of [waited, worked]) histogram.zero(labels);
      change(0, 0);
      return {
        added(key, priority) {
          adds.inc(labels);
          change(priority, 1);
          if (!turns.addedAtMs.has(key)) turns.addedAtMs.set(key, clock.nowMs());
        },
        reprioritised(from, to) {
          change(from, -1);
          change(to, 1);
        },
        started(key, priority) {
          change(priority, -1);
          observeSince(waited, labels, clock.nowMs(), turns.addedAtMs.get(key));
          turns.addedAtMs.delete(key);
          turns.startedAtMs.set(key, clock.nowMs());
        },
        finished(key) {
          observeSince(worked, labels, clock.nowMs(), turns.startedAtMs.get(key));
          turns.startedAtMs.delete(key);
        },
        retried: () => retries.inc(labels),
      };
    },
  };
}

type Labels = Record<(typeof LABELS)[number], string>;

function observeSince(
  h: Histogram<"name" | "controller">,
  labels: Labels,
  nowMs: number,
  sinceMs?: number,
): void {
  if (sinceMs !== undefined) h.observe(labels, (nowMs - sinceMs) / 1000);
}

function createRunningGauges(registry: Registry, clock: Clock, queues: ReadonlyMap<string, Turns>): void {
  const agesS = (turns: Turns): number[] =>
    [...turns.startedAtMs.values()].map((sinceMs) => (clock.nowMs() - sinceMs) / 1000);
  const gauge = (name: string, help: string, value: (ages: number[]) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: LABELS,
      registers: [registry],
      collect() {
        for (const [queue, turns] of queues)
          this.set({ name: queue, controller: queue }, value(agesS(turns)));
      },
    });
  };
  gauge("workqueue_unfinished_work_seconds", "Age of all turns that still run, added up", (ages) =>
    ages.reduce((sum, age) => sum + age, 0),
  );
  gauge("workqueue_longest_running_processor_seconds", "Age of the longest turn that still runs", (ages) =>
    ages.reduce((longest, age) => Math.max(longest, age), 0),
  );
}

function createPriorityLabel(): (priority: number) => string {
  const seen = new Set<number>();
  return (priority) => {
    if (!seen.has(priority) && seen.size >= MAX_PRIORITIES) return "exceeded_cardinality_limit";
    seen.add(priority);
    return String(priority);
  };
}
