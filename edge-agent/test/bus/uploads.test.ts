// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { Uploads, type UploadDeps } from "../../src/bus/uploads.ts";
import type { Gap, Outbox, OutboxRow } from "../../src/store/index.ts";
import { FakeCloud } from "../devices/support/fake-cloud.ts";
import { fakeClock, fakeLog, type FakeClock } from "../tunnel/fakes.ts";

/** The outbox's port in memory. */
class MemoryOutbox implements Outbox {
  rows: OutboxRow[] = [];
  gapHeld: Gap | undefined;
  swept = 0;
  #id = 0;
  get count(): number {
    return this.rows.length;
  }
  get bytes(): number {
    return this.rows.length;
  }
  put(topic: string, payload: string): Promise<void> {
    this.rows.push({ id: ++this.#id, atMs: 0, topic, payload });
    return Promise.resolve();
  }
  next(afterId: number, maxRows: number): readonly OutboxRow[] {
    return this.rows.filter(({ id }) => id > afterId).slice(0, maxRows);
  }
  delete(ids: readonly number[]): Promise<void> {
    this.rows = this.rows.filter(({ id }) => !ids.includes(id));
    return Promise.resolve();
  }
  gap(): Gap | undefined {
    return this.gapHeld;
  }
  forgetGap(): Promise<void> {
    this.gapHeld = undefined;
    return Promise.resolve();
  }
  dropOld(): Promise<void> {
    this.swept++;
    return Promise.resolve();
  }
  close(): void {
    this.rows = [];
  }
}

let clock: FakeClock;
let cloud: FakeCloud;
let outbox: MemoryOutbox;
let results: Map<string, number>;
let lines: string[];

beforeEach(() => {
  clock = fakeClock();
  cloud = new FakeCloud();
  outbox = new MemoryOutbox();
  results = new Map();
});

function start(options: Partial<UploadDeps["options"]> = {}, isAnswered = true): Uploads {
  const log = fakeLog();
  lines = log.lines;
  return new Uploads({
    outbox,
    uplink: cloud,
    isAnswered: () => isAnswered,
    clock,
    log,
    random: () => 0,
    options: { perSecond: 10_000, requestTimeoutMs: 5_000, ...options },
    onSent: (result, count) => void results.set(result, (results.get(result) ?? 0) + count),
  });
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve();
};

/** Moves the clock in steps, letting replies arrive between. */
async function pass(ms: number, stepMs = ms / 20): Promise<void> {
  await turns();
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(left, stepMs));
    await turns();
  }
}

const fill = async (count: number, topic = "a/user/x"): Promise<void> => {
  for (let i = 0; i < count; i++) await outbox.put(topic, String(i));
};
const contents = (): unknown[] => cloud.requests.map(({ content }) => content);

describe("uploads", () => {
  it("go in order, and are taken out once the cloud has them", async () => {
    await fill(30);
    start();
    await pass(1_000);
    expect(contents()).toEqual(Array.from({ length: 30 }, (_, i) => String(i)));
    expect(outbox.count).toBe(0);
    expect(results).toEqual(new Map([["ok", 30]]));
  });

  it("go no faster than their share of the tunnel", async () => {
    await fill(1_000);
    start({ perSecond: 15 });
    await pass(10_000, 20);
    expect(cloud.requests.length).toBeGreaterThan(150);
    expect(cloud.requests.length).toBeLessThanOrEqual(15 + 150 + 1);
  });

  it("wait while the cloud is away and go when it is back", async () => {
    cloud.connect(false);
    const uploads = start();
    await uploads.put("a/user/x", "1");
    await pass(60_000);
    expect(cloud.requests).toEqual([]);
    cloud.connect(true);
    await pass(1_000);
    expect(contents()).toEqual(["1"]);
    expect(outbox.count).toBe(0);
  });

  it("stay where the cloud refuses them, are tried later and later, and the log says it once", async () => {
    await fill(100);
    cloud.answer = () => ({
      operation: "error",
      content: "UNSUPPORTED: this hub does not handle this resource type",
    });
    start();
    await pass(3_600_000, 1_000);
    expect(outbox.count).toBe(100);
    expect(cloud.requests.length).toBeLessThan(40);
    expect(lines).toHaveLength(1);
    cloud.answer = () => ({ content: "OK" });
    await pass(400_000, 1_000);
    expect(outbox.count).toBe(0);
  });

  it("do not hold up others: one that is refused is passed by and tried again later", async () => {
    await outbox.put("poison/user/x", "poison");
    await fill(20);
    cloud.answer = ({ resource }) =>
      resource.startsWith("poison") ? { operation: "error", content: "BAD: no" } : { content: "OK" };
    start();
    await pass(2_000);
    expect(outbox.rows.map(({ payload }) => payload)).toEqual(["poison"]);
    const tries = (): number => contents().filter((content) => content === "poison").length;
    expect(tries()).toBe(1);
    await pass(120_000);
    expect(tries()).toBeGreaterThan(1);
    expect(tries()).toBeLessThan(10);
  });

  it("do not hold up one that comes later: what was refused waits for its turn, the new one does not", async () => {
    await outbox.put("poison/user/x", "poison");
    cloud.answer = ({ resource }) =>
      resource.startsWith("poison") ? { operation: "error", content: "BAD: no" } : { content: "OK" };
    const uploads = start();
    await pass(3_600_000, 1_000);
    const before = cloud.requests.length;
    expect(before).toBeLessThan(30);
    for (let i = 0; i < 20; i++) {
      await uploads.put("a/user/x", String(i));
      await pass(1_000, 100);
      expect(contents().at(-1)).toBe(String(i));
    }
    expect(outbox.rows.map(({ payload }) => payload)).toEqual(["poison"]);
    expect(cloud.requests.length - before).toBeLessThan(25);
    await pass(600_000, 1_000);
    expect(contents().at(-1)).toBe("poison");
  });

  it("do not wait for ever behind one that the cloud never answers", async () => {
    await outbox.put("silent/user/x", "silent");
    cloud.answer = ({ resource }) => (resource.startsWith("silent") ? undefined : { content: "OK" });
    const uploads = start({ requestTimeoutMs: 1_000 });
    await pass(5_000, 500);
    await uploads.put("a/user/x", "1");
    await pass(300_000, 500);
    expect(outbox.rows.map(({ payload }) => payload)).toEqual(["silent"]);
  });

  it("that the outbox cannot let go of are sent later and later, not again and again", async () => {
    await fill(8);
    outbox.delete = () => Promise.reject(new Error("read-only file system"));
    start();
    await pass(3_600_000, 1_000);
    expect(cloud.requests.length).toBeLessThan(30 * 8);
    expect(lines.length).toBeLessThan(30);
  });

  it("R2 are told of what had to be dropped before what is left", async () => {
    outbox.gapHeld = { dropped: 7, bytes: 900, fromMs: 1, toMs: 2 };
    await fill(1);
    start();
    await pass(1_000);
    expect(cloud.requests[0]).toMatchObject({
      operation: "upload",
      resource: "$hw/events/upload/longshore/gap",
    });
    expect(JSON.parse(String(cloud.requests[0]?.content))).toEqual({
      dropped: 7,
      bytes: 900,
      from: 1,
      to: 2,
    });
    expect(outbox.gapHeld).toBeUndefined();
    expect(cloud.requests).toHaveLength(2);
  });

  it("with QoS 0 are not kept: they go at once or not at all", async () => {
    const uploads = start({ perSecond: 5 });
    for (let i = 0; i < 50; i++) uploads.offer("a/user/x", String(i));
    await turns();
    expect(cloud.requests).toHaveLength(5);
    expect(results).toEqual(
      new Map([
        ["ok", 5],
        ["dropped", 45],
      ]),
    );
    cloud.connect(false);
    uploads.offer("a/user/x", "x");
    expect(results.get("dropped")).toBe(46);
  });

  it("with QoS 0 are not sent for a while when the cloud refused one", async () => {
    cloud.answer = () => ({ operation: "error", content: "UNSUPPORTED: no" });
    const uploads = start();
    for (let i = 0; i < 100; i++) {
      uploads.offer("a/user/x", String(i));
      await pass(1_000);
    }
    expect(cloud.requests.length).toBeLessThan(10);
    expect(lines).toHaveLength(1);
  });

  it("towards a CloudCore count as arrived when the session outlives them, and are sent again when it does not", async () => {
    await fill(3);
    start({ silentMs: 30_000 }, false);
    await pass(10_000, 500);
    expect(cloud.requests).toHaveLength(3);
    expect(outbox.count).toBe(3);
    cloud.connect(false);
    cloud.connect(true);
    await pass(10_000, 500);
    expect(cloud.requests).toHaveLength(6);
    await pass(40_000, 500);
    expect(outbox.count).toBe(0);
    expect(cloud.requests).toHaveLength(6);
  });

  it("look for what is too old now and then, and stop when told", async () => {
    const uploads = start();
    await pass(1_800_000);
    expect(outbox.swept).toBeGreaterThanOrEqual(2);
    uploads.stop();
    await fill(1);
    uploads.wake();
    await pass(60_000);
    expect(cloud.requests).toEqual([]);
  });
});
