// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createPriorityQueue } from "../../../src/runtime/queue/priority-queue.ts";
import { createExponentialLimiter } from "../../../src/runtime/queue/rate-limiter.ts";
import type { QueueItem, WorkQueue } from "../../../src/runtime/queue/work-queue.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

function setUp(): { clock: FakeClock; queue: WorkQueue } {
  const clock = createFakeClock();
  return { clock, queue: createPriorityQueue({ clock, limiter: createExponentialLimiter() }) };
}
async function drain(queue: WorkQueue): Promise<QueueItem[]> {
  const items: QueueItem[] = [];
  while (queue.size > 0) {
    const item = await queue.get();
    if (item) items.push(item);
  }
  return items;
}
const keys = async (queue: WorkQueue): Promise<string[]> => (await drain(queue)).map((item) => item.key);

describe("the priority queue", () => {
  it("hands keys of one priority out in the order in which they became ready", async () => {
    const { queue } = setUp();
    for (const k of ["foo", "bar", "baz"]) queue.add(k);
    expect(await keys(queue)).toEqual(["foo", "bar", "baz"]);
  });

  it("hands keys of a higher priority out first", async () => {
    const { queue } = setUp();
    queue.add("low", { priority: -100 });
    queue.add("high", { priority: 1 });
    queue.add("middle");
    expect(await drain(queue)).toEqual([
      { key: "high", priority: 1 },
      { key: "middle", priority: 0 },
      { key: "low", priority: -100 },
    ]);
  });

  it("makes several adds of a key one turn, with the highest priority", async () => {
    const { queue } = setUp();
    queue.add("foo", { priority: 1 });
    queue.add("foo", { priority: 3 });
    queue.add("foo", { priority: 2 });
    queue.add("foo");
    expect(await drain(queue)).toEqual([{ key: "foo", priority: 3 }]);
  });

  it("puts a key whose priority rises behind the others of its new priority", async () => {
    const { queue } = setUp();
    queue.add("foo", { priority: 0 });
    queue.add("bar", { priority: 5 });
    queue.add("foo", { priority: 5 });
    expect(await keys(queue)).toEqual(["bar", "foo"]);
  });

  it("does not hand a key out that is still being worked on, but does after done", async () => {
    const { queue } = setUp();
    queue.add("foo");
    await queue.get();
    queue.add("foo");
    queue.add("foo");
    expect(queue.size).toBe(0);
    queue.done("foo");
    expect(await keys(queue)).toEqual(["foo"]);
    queue.done("foo");
    expect(queue.size).toBe(0);
  });

  it("keeps the shorter of two delays", () => {
    const { clock, queue } = setUp();
    queue.add("foo", { afterMs: 1000 });
    queue.add("foo", { afterMs: 100 });
    queue.add("foo", { afterMs: 5000 });
    clock.advance(100);
    expect(queue.size).toBe(1);
  });

  it("cancels a delay by an immediate add", async () => {
    const { clock, queue } = setUp();
    queue.add("foo", { afterMs: 100 });
    queue.add("foo");
    expect(await keys(queue)).toEqual(["foo"]);
    queue.done("foo");
    clock.advance(1000);
    expect(queue.size).toBe(0);
  });

  it("keeps a key ready when it is added again with a delay", () => {
    const { queue } = setUp();
    queue.add("foo");
    queue.add("foo", { afterMs: 100 });
    expect(queue.size).toBe(1);
  });

  it("takes the delay and the raised priority together when both are given for a waiting key", async () => {
    const { clock, queue } = setUp();
    queue.add("foo", { afterMs: 100, priority: 0 });
    queue.add("foo", { afterMs: 200, priority: 7 });
    clock.advance(100);
    expect(await drain(queue)).toEqual([{ key: "foo", priority: 7 }]);
  });

  it("numbers a delayed key when it becomes ready, not when it is added", async () => {
    const { clock, queue } = setUp();
    queue.add("delayed", { afterMs: 10 });
    queue.add("first");
    clock.advance(10);
    queue.add("last");
    expect(await keys(queue)).toEqual(["first", "delayed", "last"]);
  });

  it("takes the shorter of an own delay and the rate limiter's", () => {
    const { clock, queue } = setUp();
    queue.add("foo", { rateLimited: true, afterMs: 1000 });
    clock.advance(5);
    expect(queue.size).toBe(1);
    expect(queue.failures("foo")).toBe(1);
  });

  it("gives waiting getters each a key", async () => {
    const { queue } = setUp();
    const waiting = [queue.get(), queue.get()];
    queue.add("foo");
    queue.add("bar");
    expect((await Promise.all(waiting)).map((item) => item?.key)).toEqual(["foo", "bar"]);
  });

  it("after shutdown drops what is queued and ends all waits", async () => {
    const { queue } = setUp();
    const waiting = queue.get();
    queue.shutdown();
    queue.add("foo");
    expect(await waiting).toBeUndefined();
    expect(await queue.get()).toBeUndefined();
    expect(queue.size).toBe(0);
  });
});
