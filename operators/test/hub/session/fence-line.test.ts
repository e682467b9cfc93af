// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { FenceLine } from "../../../src/hub/session/fence-line.ts";

describe("the line of fences", () => {
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
