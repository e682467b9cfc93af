// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createController } from "../../../src/runtime/controller/controller.ts";
import { createControllerMetrics } from "../../../src/runtime/controller/controller-metrics.ts";
import type { Reconciler } from "../../../src/runtime/controller/reconciler.ts";
import { createChannel, type Channel, type Source } from "../../../src/runtime/controller/source.ts";
import { TerminalError } from "../../../src/runtime/errors.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { createPriorityQueue } from "../../../src/runtime/queue/priority-queue.ts";
import { createExponentialLimiter } from "../../../src/runtime/queue/rate-limiter.ts";
import type { WorkQueue } from "../../../src/runtime/queue/work-queue.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

interface World {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  readonly channel: Channel;
  readonly calls: string[];
  readonly running: Promise<void>;
  readonly stop: AbortController;
  metric(line: string): Promise<string | undefined>;
}

const stops: AbortController[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop.abort()));

function start(
  reconciler: Reconciler,
  more: { sources?: Source[]; workers?: number; timeoutMs?: number } = {},
): World {
  const clock = createFakeClock();
  const queue = createPriorityQueue({ clock, limiter: createExponentialLimiter() });
  const channel = createChannel("test");
  const registry = new Registry();
  const calls: string[] = [];
  const controller = createController({
    name: "test",
    reconciler: (request, context) => {
      calls.push(request.name);
      return reconciler(request, context);
    },
    sources: [channel, ...(more.sources ?? [])],
    queue,
    clock,
    log: silentLog,
    observer: createControllerMetrics(registry).observe("test", more.workers ?? 1),
    maxConcurrentReconciles: more.workers,
    reconcileTimeoutMs: more.timeoutMs,
  });
  const stop = new AbortController();
  stops.push(stop);
  const metric = async (line: string): Promise<string | undefined> =>
    (await registry.metrics())
      .split("\n")
      .find((l) => l.startsWith(line))
      ?.split(" ")
      .at(-1);
  return { clock, queue, channel, calls, metric, stop, running: controller.start(stop.signal) };
}
const request = (name: string): { namespace: string; name: string } => ({ namespace: "", name });
const total = (result: string): string =>
  `controller_runtime_reconcile_total{controller="test",result="${result}"}`;

describe("a controller", () => {
  it("requeues with backoff what failed, and forgets it when it succeeds", async () => {
    let failures = 3;
    const w = start(() => (failures-- > 0 ? Promise.reject(new Error("no")) : Promise.resolve({})));
    w.channel.enqueue(request("a"));
    for (let i = 0; i < 10; i++) {
      await w.clock.settle();
      w.clock.advance(100);
    }
    expect(w.calls).toEqual(["a", "a", "a", "a"]);
    expect(w.queue.failures("a")).toBe(0);
    expect(await w.metric(total("error"))).toBe("3");
    expect(await w.metric(total("success"))).toBe("1");
    expect(await w.metric("controller_runtime_reconcile_errors_total")).toBe("3");
  });

  it("does not requeue a TerminalError, but counts it", async () => {
    const w = start(() => Promise.reject(new TerminalError("bad input")));
    w.channel.enqueue(request("a"));
    await w.clock.settle();
    w.clock.advance(1e9);
    await w.clock.settle();
    expect(w.calls).toEqual(["a"]);
    expect(w.queue.failures("a")).toBe(0);
    expect(await w.metric("controller_runtime_terminal_reconcile_errors_total")).toBe("1");
    expect(await w.metric("controller_runtime_reconcile_errors_total")).toBe("1");
  });

  it("looks again after requeueAfterMs, with the priority it had and without backoff", async () => {
    const w = start(() => Promise.resolve({ requeueAfterMs: 1000 }));
    w.channel.enqueue({ ...request("a"), priority: -100 });
    await w.clock.settle();
    expect(w.calls).toHaveLength(1);
    w.clock.advance(999);
    await w.clock.settle();
    expect(w.calls).toHaveLength(1);
    w.clock.advance(1);
    await w.clock.settle();
    expect(w.calls).toHaveLength(2);
    expect(await w.metric(total("requeue_after"))).toBe("2");
  });

  it("turns a fault of the program into an error and a panic counter, and goes on", async () => {
    const w = start(({ name }) => {
      if (name === "bad") (undefined as unknown as { x: () => void }).x();
      return Promise.resolve({});
    });
    w.channel.enqueue(request("bad"));
    w.channel.enqueue(request("good"));
    await w.clock.settle();
    expect(w.calls).toEqual(["bad", "good"]);
    expect(await w.metric("controller_runtime_reconcile_panics_total")).toBe("1");
  });

  it("aborts the signal of a reconcile that takes too long, and never runs its key twice at once", async () => {
    const ends: (() => void)[] = [];
    const w = start(() => new Promise((resolve) => ends.push(() => resolve({}))), {
      timeoutMs: 50,
      workers: 2,
    });
    w.channel.enqueue(request("a"));
    await w.clock.settle();
    w.clock.advance(50);
    w.channel.enqueue(request("a"));
    await w.clock.settle();
    expect(w.calls).toHaveLength(1);
    expect(await w.metric("controller_runtime_reconcile_timeouts_total")).toBe("1");
    ends[0]?.();
    await w.clock.settle();
    expect(w.calls).toHaveLength(2);
    ends[1]?.();
  });

  it("works on as many keys at once as it is told", async () => {
    const w = start(() => new Promise(() => undefined), { workers: 3 });
    for (const name of ["a", "b", "c", "d"]) w.channel.enqueue(request(name));
    await w.clock.settle();
    expect(w.calls).toEqual(["a", "b", "c"]);
    expect(await w.metric("controller_runtime_active_workers")).toBe("3");
  });

  it("starts no worker before every source has synced, and fails when one never does", async () => {
    const never: Source = {
      name: "Missing",
      start: () => undefined,
      synced: () => new Promise(() => undefined),
    };
    const w = start(() => Promise.resolve({}), { sources: [never] });
    const failure = expect(w.running).rejects.toThrow("controller test: Missing not synced within 120000 ms");
    w.channel.enqueue(request("a"));
    await w.clock.settle();
    expect(w.calls).toEqual([]);
    w.clock.advance(120_000);
    await failure;
  });

  it("finishes the current item at a stop and takes no other", async () => {
    const ends: (() => void)[] = [];
    const w = start(() => new Promise((resolve) => ends.push(() => resolve({}))));
    w.channel.enqueue(request("a"));
    w.channel.enqueue(request("b"));
    await w.clock.settle();
    w.stop.abort();
    await w.clock.settle();
    ends[0]?.();
    await w.running;
    expect(w.calls).toEqual(["a"]);
  });
});
