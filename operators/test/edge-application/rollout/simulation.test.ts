// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Chaos, expectAtRest, watch } from "./chaos.ts";

/** Those at the end have shown faults. */
const SEEDS = [...Array.from({ length: 40 }, (_, index) => index + 1), 520, 580, 786, 841, 1647, 1814, 1868];

describe("rollouts while everything goes wrong", () => {
  it("A38 E10 keep to the cap and the order, and end at the stable or the wanted revision", async () => {
    const ends = new Map<string, number>();
    for (const seed of SEEDS) {
      const chaos = new Chaos(seed);
      const { cluster } = chaos;
      const check = watch(cluster);
      try {
        await chaos.run(check);
        await chaos.calm(check);
        expectAtRest(cluster);
      } catch (error) {
        const status = JSON.stringify(cluster.app.status?.rollout);
        throw new Error(`seed ${seed}: ${(error as Error).message}\n${status}`, { cause: error });
      }
      ends.set(cluster.phase ?? "", (ends.get(cluster.phase ?? "") ?? 0) + 1);
    }
    // The chaos has to reach each of them, or it shows nothing.
    expect([...ends.keys()].sort()).toEqual(["Completed", "Failed", "RolledBack"]);
  }, 120_000);
});
