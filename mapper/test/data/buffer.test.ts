// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createBuffer } from "../../src/data/buffer.ts";

interface Item {
  readonly id: number;
  readonly size: number;
}
type Step =
  | { readonly do: "push"; readonly size: number }
  | { readonly do: "take"; readonly count: number }
  | { readonly do: "putBack" | "dropOldest" | "removeOdd" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("push" as const), size: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 0, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("putBack" as const, "dropOldest", "removeOdd") }) },
);

describe("buffer", () => {
  it("keeps the newest that fit, in order, and counts each that it drops", () => {
    const limits = fc.record({
      maxItems: fc.integer({ min: 1, max: 120 }),
      maxBytes: fc.integer({ min: 1, max: 3000 }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 400 }), (limit, steps) => {
        const buffer = createBuffer<Item>(limit, ({ size }) => size);
        let model: Item[] = [];
        let held: Item[] = [];
        let id = 0;
        const bytes = () => model.reduce((sum, { size }) => sum + size, 0);
        const shrink = () => {
          let dropped = 0;
          for (; model.length > limit.maxItems || bytes() > limit.maxBytes; dropped++) model.shift();
          return dropped;
        };
        const run: Record<Step["do"], (one: Step) => void> = {
          push: (one) => {
            const item = { id: id++, size: "size" in one ? one.size : 0 };
            const fits = item.size <= limit.maxBytes;
            if (fits) model.push(item);
            expect(buffer.push(item)).toBe(fits ? shrink() : 1);
          },
          take: (one) => {
            if (held.length > 0) return;
            held = model.splice(0, "count" in one ? one.count : 0);
            expect(buffer.take("count" in one ? one.count : 0)).toEqual(held);
          },
          putBack: () => {
            model = [...held, ...model];
            expect(buffer.putBack(held)).toBe(shrink());
            held = [];
          },
          dropOldest: () => expect(buffer.dropOldest()).toBe(model.shift() !== undefined),
          removeOdd: () => {
            const before = model.length;
            model = model.filter((item) => item.id % 2 === 0);
            expect(buffer.remove((item) => item.id % 2 === 1)).toBe(before - model.length);
          },
        };
        for (const one of steps) {
          run[one.do](one);
          expect([buffer.length, buffer.bytes]).toEqual([model.length, bytes()]);
        }
        expect(buffer.take(1000)).toEqual(model);
      }),
    );
  });
});
