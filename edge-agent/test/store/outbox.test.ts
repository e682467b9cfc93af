// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { closeSync, mkdtempSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOutbox, type Outbox, type OutboxDeps } from "../../src/store/index.ts";
import { fakeClock, fakeLog, type FakeClock } from "../tunnel/fakes.ts";

interface Opened {
  readonly outbox: Outbox;
  readonly path: string;
  readonly clock: FakeClock;
  readonly dropped: () => number;
  readonly lines: string[];
}

const opened: Outbox[] = [];

afterEach(() => {
  for (const outbox of opened.splice(0)) outbox.close();
});

function open(options: Partial<OutboxDeps> & { path?: string } = {}): Opened {
  const path = options.path ?? join(mkdtempSync(join(tmpdir(), "outbox-")), "outbox.db");
  const clock = fakeClock();
  const log = fakeLog();
  let dropped = 0;
  const outbox = createOutbox(path, {
    clock,
    log,
    maxBytes: 1024 * 1024,
    maxAgeMs: 1_000_000,
    onDropped: (count) => void (dropped += count),
    ...options,
  });
  opened.push(outbox);
  return { outbox, path, clock, dropped: () => dropped, lines: log.lines };
}

const payloads = (outbox: Outbox): string[] => outbox.next(0, 10_000, 1e9).map(({ payload }) => payload);

describe("the outbox", () => {
  it("gives back in order what it was given, also after the agent ended, and is its owner's alone", async () => {
    const { outbox, path, clock } = open();
    await Promise.all(["a", "b", "c"].map((payload) => outbox.put("t", payload)));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    outbox.close();
    opened.pop();
    const again = open({ path, clock }).outbox;
    expect(payloads(again)).toEqual(["a", "b", "c"]);
    expect(again.count).toBe(3);
    const [first] = again.next(0, 1, 1_000);
    await again.delete([first?.id ?? 0]);
    expect(payloads(again)).toEqual(["b", "c"]);
    expect(again.next(first?.id ?? 0, 1, 1_000).map(({ payload }) => payload)).toEqual(["b"]);
  });

  it("gives at most so many rows and characters at once, but always one", async () => {
    const { outbox } = open();
    for (const payload of ["x".repeat(50), "y".repeat(50), "z"]) await outbox.put("t", payload);
    expect(outbox.next(0, 2, 1_000)).toHaveLength(2);
    expect(outbox.next(0, 10, 60)).toHaveLength(1);
    expect(outbox.next(0, 10, 1)).toHaveLength(1);
  });

  it("R2 drops the oldest above its quota and counts them in a gap that outlives the agent", async () => {
    const { outbox, path, clock, dropped } = open({ maxBytes: 1_000 });
    const startMs = clock.nowMs();
    for (let i = 0; i < 20; i++) {
      await outbox.put("topic", `payload ${i}`);
      clock.advance(1_000);
    }
    expect(outbox.bytes).toBeLessThanOrEqual(1_000);
    const kept = payloads(outbox);
    expect(kept.at(-1)).toBe("payload 19");
    expect(kept).toHaveLength(20 - dropped());
    outbox.close();
    opened.pop();
    const again = open({ path, clock, maxBytes: 1_000 }).outbox;
    const gap = again.gap();
    expect(gap).toMatchObject({
      dropped: dropped(),
      fromMs: startMs,
      toMs: startMs + (dropped() - 1) * 1_000,
    });
    await again.put("topic", "one more");
    if (gap !== undefined) await again.forgetGap(gap);
    expect(again.gap()).toMatchObject({ dropped: 1 });
  });

  it("R2 drops what is too old, but not what a clock stamped that was not set", async () => {
    const { outbox, clock, dropped } = open({ maxAgeMs: 60_000 });
    await outbox.put("t", "old");
    clock.advance(50_000);
    await outbox.put("t", "young");
    clock.advance(11_000);
    await outbox.dropOld();
    expect(payloads(outbox)).toEqual(["young"]);
    expect(dropped()).toBe(1);
    const unset = open({ clock: { ...fakeClock(0), nowMs: () => 5 } });
    await unset.outbox.put("t", "1970");
    unset.outbox.close();
    opened.pop();
    const later = open({ path: unset.path });
    await later.outbox.dropOld();
    expect(payloads(later.outbox)).toEqual(["1970"]);
  });

  it("sets a damaged file aside and starts with a new one", async () => {
    const { path } = open();
    opened.pop()?.close();
    writeFileSync(path, "this is no database at all, and long enough to be looked at".repeat(100));
    const { outbox, lines } = open({ path });
    await outbox.put("t", "x");
    expect(payloads(outbox)).toEqual(["x"]);
    expect(lines.join()).toContain("set aside");
    expect(readdirSync(join(path, "..")).some((name) => name.includes(".damaged-"))).toBe(true);
  });

  it.each([
    ["forward, as when a clock without a battery is set", 30 * 86_400_000],
    ["to 2046 and back", 20 * 365 * 86_400_000],
  ])("R2 drops nothing that is new because the clock jumps %s", async (_how, jumpMs) => {
    const still = fakeClock();
    let offsetMs = 0;
    const clock = { ...still, nowMs: () => still.nowMs() + offsetMs };
    const { outbox, dropped } = open({ clock, maxAgeMs: 7 * 86_400_000 });
    await outbox.put("t", "before");
    offsetMs = jumpMs;
    await outbox.dropOld();
    await outbox.put("t", "after");
    offsetMs = jumpMs > 40 * 86_400_000 ? 0 : jumpMs;
    await outbox.dropOld();
    expect(payloads(outbox)).toEqual(["before", "after"]);
    still.advance(8 * 86_400_000);
    await outbox.dropOld();
    expect(payloads(outbox)).toEqual([]);
    expect(dropped()).toBe(2);
  });

  it("starts anew when its file turns out to be damaged while it is read, and counts what is lost", async () => {
    const first = open();
    for (let i = 0; i < 400; i++) await first.outbox.put("t", "x".repeat(2_500));
    first.outbox.close();
    opened.pop();
    const { outbox, dropped, lines } = open({ path: first.path, clock: first.clock });
    const { count } = outbox;
    const fd = openSync(first.path, "r+");
    const size = statSync(first.path).size;
    for (let at = 8 * 4_096; at < size; at += 4_096) writeSync(fd, Buffer.alloc(4_096, 0xee), 0, 4_096, at);
    closeSync(fd);
    expect(outbox.next(0, 1_000, 1e9)).toEqual([]);
    expect(dropped()).toBe(count);
    expect(outbox.gap()?.dropped).toBe(count);
    expect(lines.filter((line) => line.includes("damaged"))).toHaveLength(1);
    await outbox.put("t", "new");
    expect(payloads(outbox)).toEqual(["new"]);
  });

  it("starts anew when its file turns out to be damaged while it is written", async () => {
    const first = open();
    for (let i = 0; i < 400; i++) await first.outbox.put("t", "x".repeat(2_500));
    first.outbox.close();
    opened.pop();
    const { outbox, dropped } = open({ path: first.path, clock: first.clock });
    const { count } = outbox;
    const fd = openSync(first.path, "r+");
    const size = statSync(first.path).size;
    for (let at = 4_096; at < size; at += 4_096) writeSync(fd, Buffer.alloc(4_096, 0xee), 0, 4_096, at);
    closeSync(fd);
    await outbox.delete(Array.from({ length: 400 }, (_, i) => i + 1));
    await outbox.put("t", "new");
    expect(payloads(outbox)).toEqual(["new"]);
    expect(dropped()).toBe(count);
  });

  it("refuses the file of a newer agent and leaves it as it is", async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const { path } = open();
    opened.pop()?.close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(() => open({ path })).toThrow("schema 99");
  });

  it("counts whatever is put, taken and dropped, and never holds more than its quota", async () => {
    const step = fc.oneof(
      fc.string({ maxLength: 200 }).map((payload) => ({ put: payload })),
      fc.nat(5).map((take) => ({ take })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { outbox, dropped } = open({ maxBytes: 2_000 });
        let put = 0;
        let taken = 0;
        for (const todo of steps) {
          if ("put" in todo) {
            await outbox.put("t", todo.put);
            put++;
          } else {
            const rows = outbox.next(0, todo.take + 1, 1e6);
            await outbox.delete(rows.map(({ id }) => id));
            taken += rows.length;
          }
          expect(outbox.bytes).toBeLessThanOrEqual(2_000);
        }
        expect(outbox.count).toBe(put - taken - dropped());
        expect(payloads(outbox)).toHaveLength(outbox.count);
      }),
      { numRuns: 30 },
    );
  });
});
