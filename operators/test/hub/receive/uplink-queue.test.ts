// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { KeyedQueue } from "../../../src/hub/receive/uplink-queue.ts";

describe("the uplink queue", () => {
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
});
