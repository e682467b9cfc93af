// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createPriorityQueue } from "../../../src/runtime/queue/priority-queue.ts";
import { createQueueMetrics } from "../../../src/runtime/queue/queue-metrics.ts";
import { createExponentialLimiter } from "../../../src/runtime/queue/rate-limiter.ts";
import { createFakeClock } from "../fake-clock.ts";

describe("metrics of a queue", () => {
  it("exist with zero before anything happened, and follow what happens", async () => {
    const registry = new Registry();
    const clock = createFakeClock();
    const observer = createQueueMetrics(registry, clock).observe("pod");
    const queue = createPriorityQueue({ clock, limiter: createExponentialLimiter(), observer });
    expect(await registry.metrics()).toContain('workqueue_adds_total{name="pod",controller="pod"} 0');

    queue.add("a");
    queue.add("b", { priority: -100 });
    queue.add("c", { rateLimited: true });
    clock.advance(2);
    await queue.get();
    clock.advance(1);

    const text = await registry.metrics();
    expect(text).toContain('workqueue_adds_total{name="pod",controller="pod"} 2');
    expect(text).toContain('workqueue_retries_total{name="pod",controller="pod"} 1');
    expect(text).toContain('workqueue_depth{name="pod",controller="pod",priority="0"} 0');
    expect(text).toContain('workqueue_depth{name="pod",controller="pod",priority="-100"} 1');
    expect(text).toContain('workqueue_longest_running_processor_seconds{name="pod",controller="pod"} 0.001');
    expect(text).toContain('workqueue_queue_duration_seconds_sum{name="pod",controller="pod"} 0.002');
    queue.done("a");
    expect(await registry.metrics()).toContain(
      'workqueue_work_duration_seconds_count{name="pod",controller="pod"} 1',
    );
  });

  it("collapse priorities past 25 values", async () => {
    const registry = new Registry();
    const clock = createFakeClock();
    const observer = createQueueMetrics(registry, clock).observe("pod");
    const queue = createPriorityQueue({ clock, limiter: createExponentialLimiter(), observer });
    for (let priority = 0; priority < 40; priority++) queue.add(`k${priority}`, { priority });
    const text = await registry.metrics();
    expect(text.match(/^workqueue_depth\{/gm)).toHaveLength(26);
    expect(text).toContain('priority="exceeded_cardinality_limit"} 15');
  });
});
