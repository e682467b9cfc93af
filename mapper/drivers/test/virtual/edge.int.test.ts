// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { virtualMapper } from "../../src/virtual/index.ts";
import { dmiDevice } from "../support/dmi.ts";
import { startMapped, type Mapped } from "../support/mapped.ts";
import { until } from "../support/process.ts";

describe("virtual devices at an edge", () => {
  let mapped: Mapped;
  afterEach(() => mapped.stop());

  it("tell what they are set to, and what is in trouble harms no other", async () => {
    const protocol = (config = {}) => ({ name: "virtual", config });
    const echo = { name: "target", type: "INT" as const, config: {}, desired: "7" };
    const bad = (config: Record<string, boolean>) => [{ name: "broken", type: "INT" as const, config }];
    mapped = await startMapped(virtualMapper(), [
      dmiDevice("good", protocol(), [echo]),
      dmiDevice("fails", protocol(), bad({ Fail: true })),
      dmiDevice("hangs", protocol(), bad({ Hang: true })),
      dmiDevice("sick", protocol({ State: "unhealthy" }), [echo]),
      dmiDevice("unwilling", protocol(), [
        { name: "target", type: "INT", config: { Behavior: "constant" }, desired: "7" },
      ]),
      dmiDevice("locked", protocol({ Fail: true }), [echo]),
    ]);
    await until(() => mapped.reported("good", "target") === "7", "the echo");
    const want = {
      good: "online",
      fails: "offline",
      hangs: "offline",
      sick: "unhealthy",
      unwilling: "unhealthy",
      locked: "offline",
    };
    const states = (): object =>
      Object.fromEntries(Object.keys(want).map((device) => [device, mapped.state(device)]));
    await until(() => JSON.stringify(states()) === JSON.stringify(want), "all states", 20_000);
    expect(mapped.mapper.counters().driverHangs).toBeGreaterThan(0);
  });
});
