// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { freePort, portsOfWorker } from "../free-port.ts";

it("gives no port twice, also to those who ask at once", async () => {
  const ports = await Promise.all(Array.from({ length: 400 }, freePort));
  expect(new Set(ports).size).toBe(400);
});

it("gives each worker ports of its own, below those that systems give to connections", () => {
  const ranges = [1, 2, 3, 4, 5, 6, 7, 8].map(portsOfWorker);
  for (const [index, { from, to }] of ranges.entries()) {
    expect(from).toBeGreaterThanOrEqual(ranges[index - 1]?.to ?? 1_024);
    expect(to).toBeLessThanOrEqual(32_768);
  }
});
