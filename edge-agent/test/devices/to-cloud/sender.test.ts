// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { LatestSender, type Outgoing } from "../../../src/devices/to-cloud/latest-sender.ts";
import { WriteBehind } from "../../../src/devices/to-cloud/write-behind.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { MemoryRecords } from "../support/memory.ts";

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("a sender", () => {
  const world = (maxInFlight: number) => {
    const cloud = new FakeCloud();
    const clock = fakeClock();
    const releases: (() => void)[] = [];
    cloud.delay = () => new Promise((resolve) => releases.push(resolve));
    const keys = new Set<string>();
    const sender = new LatestSender({
      uplink: cloud,
      clock,
      log: fakeLog(),
      random: () => 0.5,
      options: { minGapMs: 1_000, maxInFlight, timeoutMs: 60_000, repeatSpreadMs: 5_000 },
      outgoing: (key): Outgoing => ({
        request: { operation: "update", resource: key, content: "" },
        confirm: () => undefined,
      }),
      repeat: () => undefined,
      keys: () => keys,
      onSent: () => undefined,
    });
    const sent = (): string[] => cloud.requests.map(({ resource }) => resource);
    return { cloud, clock, keys, releases, sender, sent };
  };

  it("has one of a key in flight, even of one that was forgotten while it waited for its turn", async () => {
    const w = world(2);
    w.sender.mark("a");
    w.sender.mark("b");
    w.sender.mark("c");
    w.sender.forget("c");
    w.sender.mark("c");
    w.releases[0]?.();
    w.releases[1]?.();
    await turns();
    expect(w.sent()).toEqual(["a", "b", "c"]);
  });

  it("repeats nothing of a key that was forgotten after the connect", async () => {
    const w = world(2);
    w.keys.add("a");
    w.cloud.connect(true);
    w.sender.forget("a");
    w.cloud.requests.length = 0;
    w.clock.advance(60_000);
    await turns();
    expect(w.sent()).toEqual([]);
  });

  it("R2 sends at once on a reconnect, however long it would have waited for the next try", async () => {
    const w = world(2);
    w.keys.add("a");
    w.cloud.delay = () => Promise.resolve();
    w.cloud.answer = () => undefined;
    w.sender.mark("a");
    for (let i = 0; i < 12; i++) {
      await turns();
      w.clock.advance(60_000);
    }
    await turns();
    expect(Math.min(...w.clock.waiting())).toBeGreaterThan(45_000);
    w.cloud.connect(false);
    w.clock.advance(10_000);
    w.cloud.requests.length = 0;
    w.cloud.connect(true);
    expect(w.sent()).toEqual(["a"]);
  });

  it("R2 takes what fails with the old session for no failure of the new one", async () => {
    const w = world(2);
    w.keys.add("a");
    w.cloud.answer = () => undefined;
    w.sender.mark("a");
    w.clock.advance(10_000);
    w.cloud.connect(false);
    w.cloud.connect(true);
    expect(w.sent()).toEqual(["a"]); // the first is still in flight
    w.releases[0]?.();
    await turns();
    expect(w.sent()).toEqual(["a", "a"]);
  });

  it("R2 sends on a connect in the order of its keys", async () => {
    const w = world(1);
    w.cloud.connect(false);
    w.cloud.delay = () => Promise.resolve();
    for (const key of ["c", "a", "b"]) w.sender.mark(key);
    for (const key of ["a", "b", "c"]) w.keys.add(key);
    w.cloud.connect(true);
    await turns();
    expect(w.sent().slice(0, 3)).toEqual(["a", "b", "c"]);
  });
});

describe("records written behind", () => {
  const world = (records: MemoryRecords) => {
    const clock = fakeClock();
    const values = new Map<string, string>();
    const confirmedAtMs = new Map<string, number>();
    const disk = new WriteBehind({
      records,
      bucket: "b",
      clock,
      log: fakeLog(),
      intervalMs: 5_000,
      valueOf: (key) => values.get(key),
      confirmedAgoMs: (key) => clock.monotonicMs() - (confirmedAtMs.get(key) ?? -Infinity),
    });
    const pass = async (ms: number): Promise<void> => {
      clock.advance(ms);
      await turns();
    };
    return { clock, values, confirmedAtMs, disk, pass };
  };

  it("hold no old value of a key that the cloud keeps up with, for a restart would send it over a newer one", async () => {
    const records = new MemoryRecords();
    const w = world(records);
    w.values.set("a", "old");
    w.disk.mark("a");
    await w.pass(5_000);
    expect(records.get("b", "a")).toBe("old");
    for (let i = 0; i < 10; i++) {
      w.confirmedAtMs.set("a", w.clock.monotonicMs());
      w.values.set("a", `new ${i}`);
      w.disk.mark("a");
      await w.pass(1_000);
    }
    expect(records.get("b", "a")).toBeUndefined();
    const { writes } = records;
    w.confirmedAtMs.set("a", w.clock.monotonicMs());
    await w.pass(4_000);
    expect(records.writes).toBe(writes);
    await w.pass(10_000); // and the cloud is gone
    expect(records.get("b", "a")).toBe("new 9");
  });

  it("arm no timer after the last one", async () => {
    const records = new MemoryRecords();
    const w = world(records);
    records.onWrite = () => {
      throw new Error("the disk is gone");
    };
    w.values.set("a", "x");
    w.disk.mark("a");
    await w.disk.flush({ isLast: true });
    w.disk.mark("a");
    expect(w.clock.waiting()).toEqual([]);
  });
});
