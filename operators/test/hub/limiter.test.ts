// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Limiter } from "../../src/hub/limiter.ts";

describe("the limiter", () => {
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
});
