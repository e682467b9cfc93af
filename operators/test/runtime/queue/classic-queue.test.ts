// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createClassicQueue } from "../../../src/runtime/queue/classic-queue.ts";
import { createExponentialLimiter } from "../../../src/runtime/queue/rate-limiter.ts";
import type { WorkQueue } from "../../../src/runtime/queue/work-queue.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

function setUp(): { clock: FakeClock; queue: WorkQueue } {
  const clock = createFakeClock();
  return { clock, queue: createClassicQueue({ clock, limiter: createExponentialLimiter() }) };
}
const key = async (queue: WorkQueue): Promise<string | undefined> => (await queue.get())?.key;

describe("the classic queue", () => {
  it("hands keys out first in, first out", async () => {
    const { queue } = setUp();
    for (const k of ["a", "b", "c"]) queue.add(k);
    expect([await key(queue), await key(queue), await key(queue)]).toEqual(["a", "b", "c"]);
  });

  it("makes a burst of adds one turn", async () => {
    const { queue } = setUp();
    for (let i = 0; i < 100; i++) queue.add("a");
    expect(queue.size).toBe(1);
    expect(await key(queue)).toBe("a");
    expect(queue.size).toBe(0);
  });

  it("makes adds during a turn exactly one more turn, after done", async () => {
    const { queue } = setUp();
    queue.add("a");
    await queue.get();
    queue.add("a");
    queue.add("a");
    expect(queue.size).toBe(0);
    queue.done("a");
    expect(queue.size).toBe(1);
    expect(await key(queue)).toBe("a");
    queue.done("a");
    expect(queue.size).toBe(0);
  });

  it("puts a key that was added during its turn behind those that came before done", async () => {
    const { queue } = setUp();
    queue.add("a");
    await queue.get();
    queue.add("a");
    queue.add("b");
    queue.done("a");
    expect([await key(queue), await key(queue)]).toEqual(["b", "a"]);
  });

  it("gives a waiting getter the next key", async () => {
    const { queue } = setUp();
    const waiting = queue.get();
    queue.add("a");
    expect((await waiting)?.key).toBe("a");
    expect(queue.size).toBe(0);
  });

  it("ignores done of a key that is not being worked on", () => {
    const { queue } = setUp();
    queue.done("a");
    expect(queue.size).toBe(0);
  });

  it("hands a delayed key out when its time has come, not before", () => {
    const { clock, queue } = setUp();
    queue.add("a", { afterMs: 50 });
    clock.advance(49);
    expect(queue.size).toBe(0);
    clock.advance(1);
    expect(queue.size).toBe(1);
  });

  it("keeps the earliest deadline of a key that is delayed twice", () => {
    const { clock, queue } = setUp();
    queue.add("a", { afterMs: 500 });
    queue.add("a", { afterMs: 50 });
    queue.add("a", { afterMs: 5000 });
    clock.advance(50);
    expect(queue.size).toBe(1);
  });

  it("does not cancel a delay by an immediate add", async () => {
    const { clock, queue } = setUp();
    queue.add("a", { afterMs: 50 });
    queue.add("a");
    await queue.get();
    queue.done("a");
    clock.advance(50);
    expect(queue.size).toBe(1);
  });

  it("waits longer with each failure until forget", () => {
    const { clock, queue } = setUp();
    queue.add("a", { rateLimited: true });
    queue.add("b", { rateLimited: true });
    expect(queue.failures("a")).toBe(1);
    clock.advance(5);
    expect(queue.size).toBe(2);
    queue.forget("a");
    expect(queue.failures("a")).toBe(0);
  });

  it("after shutdown refuses adds and still hands out what is queued", async () => {
    const { clock, queue } = setUp();
    queue.add("a");
    queue.add("late", { afterMs: 10 });
    queue.shutdown();
    queue.add("b");
    clock.advance(10);
    expect(await key(queue)).toBe("a");
    expect(await key(queue)).toBeUndefined();
  });

  it("ends the wait of getters at shutdown", async () => {
    const { queue } = setUp();
    const waiting = [queue.get(), queue.get()];
    queue.shutdown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });
});
