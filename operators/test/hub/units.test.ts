// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Want } from "../../src/delivery/mailbox.ts";
import { backoffMs } from "../../src/hub/backoff.ts";
import { FenceLine } from "../../src/hub/session/fence-line.ts";
import { Limiter } from "../../src/hub/limiter.ts";
import { MinuteCounter, TokenBucket } from "../../src/hub/rate.ts";
import { RecentIds } from "../../src/hub/receive/recent-ids.ts";
import { SessionRegistry } from "../../src/hub/session/registry.ts";
import { inOrder, rankOf } from "../../src/hub/send/tiers.ts";
import { KeyedQueue } from "../../src/hub/receive/uplink-queue.ts";
import { Window, type Slot } from "../../src/hub/send/window.ts";

const want = (over: Partial<Want> = {}): Want => ({
  field: `workload:${over.kind ?? "pod"}/default/${over.name ?? "p"}`,
  op: "put",
  scope: "workload",
  kind: "pod",
  namespace: "default",
  name: "p",
  uid: "u",
  resourceVersion: "1",
  digest: "d",
  token: "t",
  fresh: false,
  ...over,
});

describe("order of sending", () => {
  it("is Node, deletes of users, deletes of what they used, what others use, users", () => {
    const wants = [
      want({ kind: "pod" }),
      want({ kind: "device" }),
      want({ kind: "membership" }),
      want({ kind: "secret" }),
      want({ kind: "devicemodel", op: "del" }),
      want({ kind: "membership", op: "del" }),
      want({ kind: "device", op: "del" }),
      want({ kind: "node" }),
    ];
    expect(inOrder(wants).map(({ op, kind }) => `${op} ${kind}`)).toEqual([
      "put node",
      "del device",
      "del membership",
      "del devicemodel",
      "put secret",
      "put membership",
      "put pod",
      "put device",
    ]);
  });

  it.each(["pod", "configmap", "secret", "device", "devicemodel", "membership", "unheardof"])(
    "deletes an old %s before a new one of its name is put",
    (kind) => expect(rankOf("del", kind)).toBeLessThan(rankOf("put", kind)),
  );
});

describe("the send window", () => {
  it("holds its limits and one frame a key under any sequence of sends, acks, failures and timeouts", () => {
    const step = fc.record({
      what: fc.constantFrom<"send" | "ack" | "fail" | "expire">("send", "ack", "fail", "expire"),
      name: fc.integer({ min: 0, max: 9 }).map((n) => `p${n}`),
      bytes: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new Window({ frames: 4, bytes: 100 });
        const model = new Map<string, { id: string; bytes: number }>();
        const done = (name: string, take: (id: string) => Slot | undefined): void => {
          const slot = take(model.get(name)?.id ?? "none");
          expect(slot !== undefined).toBe(model.delete(name));
          if (slot !== undefined) window.release(slot);
        };
        steps.forEach(({ what, name, bytes }, nowMs) => {
          const isFree = window.hasRoom() && !window.has(`pod/default/${name}`) && window.fits(bytes);
          if (what === "send" && isFree) {
            window.sent(window.reserve(want({ name }), 0), `id-${nowMs}`, bytes, nowMs);
            model.set(name, { id: `id-${nowMs}`, bytes });
          }
          if (what === "ack") done(name, (id) => window.acknowledge(id));
          if (what === "fail") done(name, (id) => window.find(id));
          if (what === "expire") for (const slot of window.expire(nowMs - 20)) model.delete(slot.want.name);
          expect([window.size, window.fields.size]).toEqual([model.size, model.size]);
          expect(window.unackedBytes).toBe([...model.values()].reduce((sum, s) => sum + s.bytes, 0));
          expect(window.size).toBeLessThanOrEqual(4);
          expect(window.unackedBytes).toBeLessThanOrEqual(100);
        });
      }),
    );
  });

  it("S32 takes an acknowledgement once", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    window.sent(window.reserve(want(), 0), "a", 10, 0);
    const slot = window.acknowledge("a");
    expect(slot?.state).toBe("settling");
    expect(window.acknowledge("a")).toBeUndefined();
    expect(window.has("pod/default/p")).toBe(true);
    window.release(slot!);
    expect(window.acknowledge("a")).toBeUndefined();
    expect(window.size).toBe(0);
  });

  it("takes a late acknowledgement of an overdue frame, unless its key was sent again under another id", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    window.sent(window.reserve(want(), 0), "a", 10, 0);
    expect(window.expire(0)).toHaveLength(1);
    expect(window.size).toBe(0);
    expect(window.acknowledge("a")?.msgId).toBe("a");
    const other = new Window({ frames: 4, bytes: 100 });
    other.sent(other.reserve(want(), 0), "a", 10, 0);
    other.expire(0);
    other.sent(other.reserve(want(), 0), "b", 10, 1);
    expect(other.acknowledge("a")).toBeUndefined();
    expect(other.acknowledge("b")?.msgId).toBe("b");
  });

  it("lets one frame pass that is bigger than the window, alone", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    expect(window.fits(1_000)).toBe(true);
    window.sent(window.reserve(want(), 0), "a", 1_000, 0);
    expect([window.fits(1), window.hasRoom()]).toEqual([false, false]);
  });
});

describe("rates", () => {
  it("admits the burst, then the rate, and says how long to wait", () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0, 100]);
    expect(bucket.take(50)).toBe(50);
    expect(bucket.take(101)).toBe(0);
  });

  it("lends tokens and says how long the debt takes", () => {
    const bucket = new TokenBucket(10, 1, 0);
    expect([bucket.borrow(0), bucket.borrow(0), bucket.borrow(0)]).toEqual([0, 100, 200]);
    expect(bucket.borrow(10_000)).toBe(0);
  });

  it("never admits more than burst + rate x time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 300 }), (gaps) => {
        const bucket = new TokenBucket(50, 10, 0);
        let nowMs = 0;
        let admitted = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (bucket.take(nowMs) === 0) admitted += 1;
        }
        expect(admitted).toBeLessThanOrEqual(10 + (nowMs * 50) / 1000 + 1e-6);
      }),
    );
  });

  it("counts by the minute", () => {
    const counter = new MinuteCounter();
    expect([counter.add(0), counter.add(59_999), counter.add(60_000)]).toEqual([1, 2, 1]);
  });

  it("backs off between half and all of twice the last delay, up to the cap", () => {
    const limits = { baseMs: 100, capMs: 1_000 };
    expect([1, 2, 3, 9].map((n) => backoffMs(n, limits, 0))).toEqual([50, 100, 200, 500]);
    expect(backoffMs(1_000, limits, 0.999_999)).toBeLessThan(1_000);
  });
});

describe("concurrency", () => {
  it("runs tasks of one key in order and at most so many at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 }), async (keys) => {
        const done = new Map<number, number[]>();
        const busy = new Set<number>();
        const queue = new KeyedQueue<{ key: number; index: number }>(3, async ({ key, index }) => {
          expect(busy.has(key)).toBe(false);
          busy.add(key);
          expect(busy.size).toBeLessThanOrEqual(3);
          await Promise.resolve();
          busy.delete(key);
          done.set(key, [...(done.get(key) ?? []), index]);
        });
        keys.forEach((key, index) => queue.add(String(key), { key, index }));
        for (let i = 0; i < 500; i += 1) await Promise.resolve();
        const indexes = [...done.values()];
        expect(indexes.flat()).toHaveLength(keys.length);
        for (const list of indexes) expect(list).toEqual(list.toSorted((a, b) => a - b));
      }),
    );
  });

  it("limits, and goes on after a failure", async () => {
    const limiter = new Limiter(2);
    let running = 0;
    const run = async (fails: boolean): Promise<void> => {
      running += 1;
      expect(running).toBeLessThanOrEqual(2);
      await Promise.resolve();
      running -= 1;
      if (fails) throw new Error("x");
    };
    const all = Array.from({ length: 20 }, (_, i) => limiter.run(() => run(i % 3 === 0)));
    const results = await Promise.allSettled(all);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(7);
  });

  it("R18 takes the fences of one node in the order of its connections", async () => {
    const line = new FenceLine();
    const order: number[] = [];
    const step = (n: number, turns: number) => async (): Promise<void> => {
      for (let i = 0; i < turns; i += 1) await Promise.resolve();
      order.push(n);
    };
    await Promise.all([
      line.enter("n", step(1, 9)),
      line.enter("n", step(2, 3)),
      line.enter("n", step(3, 0)),
      line.enter("m", step(4, 0)),
    ]);
    expect(order.filter((n) => n < 4)).toEqual([1, 2, 3]);
    expect(order[0]).toBe(4);
  });
});

describe("bookkeeping", () => {
  it("B60 knows a reused id by the bytes of its message", () => {
    const ids = new RecentIds(2);
    expect(ids.accept("a", Buffer.from("1"))).toBe(true);
    expect(ids.accept("a", Buffer.from("1"))).toBe(true);
    expect(ids.accept("a", Buffer.from("2"))).toBe(false);
    ids.accept("b", Buffer.from("1"));
    ids.accept("c", Buffer.from("1"));
    expect(ids.accept("a", Buffer.from("2"))).toBe(true);
  });

  it("R18 the end of an old connection leaves the new one of the same node alone", () => {
    const registry = new SessionRegistry<{ node: string; connection: string; supersede(): void }>();
    const ended: string[] = [];
    const session = (connection: string) => ({
      node: "n",
      connection,
      supersede: () => void ended.push(connection),
    });
    const [older, newer] = [session("a"), session("b")];
    expect([registry.add(older), registry.add(newer)]).toEqual([false, true]);
    expect(ended).toEqual(["a"]);
    expect(registry.remove(older)).toBe(false);
    expect(registry.newestOf("n")).toBe(newer);
    expect(registry.remove(newer)).toBe(true);
    expect(registry.size).toBe(0);
  });
});
