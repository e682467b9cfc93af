// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createClassicQueue } from "../../../src/runtime/queue/classic-queue.ts";
import { createPriorityQueue } from "../../../src/runtime/queue/priority-queue.ts";
import { createExponentialLimiter } from "../../../src/runtime/queue/rate-limiter.ts";
import { createFakeClock } from "../fake-clock.ts";

type Step =
  | {
      readonly do: "add";
      readonly key: string;
      readonly priority: number;
      readonly afterMs: number;
      readonly limited: boolean;
    }
  | { readonly do: "done"; readonly pick: number }
  | { readonly do: "advance"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("add" as const),
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    priority: fc.integer({ min: -2, max: 2 }),
    afterMs: fc.constantFrom(0, 0, 3, 50, 400),
    limited: fc.boolean(),
  }),
  fc.record({ do: fc.constant("done" as const), pick: fc.nat(4) }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 100 }) }),
);

const WORKERS = 3;

describe.each([
  ["classic", createClassicQueue],
  ["priority", createPriorityQueue],
])("the %s queue under random use", (_, create) => {
  it("never hands one key to two workers, and loses no add", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const clock = createFakeClock();
        const queue = create({ clock, limiter: createExponentialLimiter({ capMs: 1000 }) });
        const owed = new Set<string>();
        const running = new Set<string>();
        const work = async (): Promise<void> => {
          for (let item = await queue.get(); item !== undefined; item = await queue.get()) {
            expect(running.has(item.key)).toBe(false);
            running.add(item.key);
            owed.delete(item.key);
            await turns.wait(item.key);
            running.delete(item.key);
            queue.done(item.key);
          }
        };
        const turns = createTurns();
        const workers = Array.from({ length: WORKERS }, work);

        for (const s of steps) {
          if (s.do === "add") {
            owed.add(s.key);
            queue.add(s.key, { priority: s.priority, afterMs: s.afterMs, rateLimited: s.limited });
          } else if (s.do === "done") turns.end([...running][s.pick % Math.max(1, running.size)]);
          else clock.advance(s.ms);
          await clock.settle();
        }
        // Everything that was added is handed out once time passes and turns end.
        for (let i = 0; i < 12; i++) {
          clock.advance(1000);
          await clock.settle();
          for (const key of [...running]) turns.end(key);
          await clock.settle();
        }
        expect([...owed]).toEqual([]);
        expect([...running]).toEqual([]);
        queue.shutdown();
        await Promise.all(workers);
      }),
      { numRuns: 60 },
    );
  });
});

function createTurns(): { wait(key: string): Promise<void>; end(key: string | undefined): void } {
  const ends = new Map<string, () => void>();
  return {
    wait: (key) => new Promise((resolve) => void ends.set(key, resolve)),
    end(key) {
      if (key !== undefined) ends.get(key)?.();
    },
  };
}
