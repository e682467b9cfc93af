// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { startDevice, type DeviceRuntime } from "../../src/device/runtime.ts";
import { DONE, plan, world } from "../support/world.ts";

const mqtt = (topic: string) => ({ mqtt: { address: "tcp://127.0.0.1:1883", topic } });

describe("a property that is pushed", () => {
  let running: DeviceRuntime | undefined;
  let w = world();
  const pushed = (change: object = {}, topic = "temp") =>
    plan({ properties: [{ name: "temperature", reportCycle: 2000n, pushMethod: mqtt(topic), ...change }] });
  const run = (change: object = {}): DeviceRuntime => (running = startDevice(w.deps, pushed(change), DONE));

  afterEach(async () => {
    const stopped = running?.stop();
    await w.clock.advance(60_000);
    await stopped;
    expect(w.clock.timers()).toBe(0);
  });

  it.each([true, false])(
    "A18 with reportCycle 2000 is pushed five times in ten seconds, with reportToCloud %p",
    async (reportToCloud) => {
      w = world();
      run({ reportToCloud });
      await w.clock.advance(9_999);
      expect(w.samples).toHaveLength(5);
      expect(w.samples[0]).toStrictEqual({
        targets: [expect.objectContaining({ kind: "mqtt", topic: "temp" })],
        sample: {
          ...{ namespace: "default", device: "hall", property: "temperature", type: "FLOAT" },
          ...{ text: "21.5", value: 21.5, atMs: 1_700_000_000_000 },
        },
      });
    },
  );

  it("is read as often as it is pushed, so that each push is of a reading of its own", async () => {
    w = world();
    run({ collectCycle: 60_000n, reportCycle: 500n });
    await w.clock.advance(9_999);
    expect(w.samples).toHaveLength(20);
    expect(new Set(w.samples.map(({ sample }) => sample.atMs)).size).toBe(20);
  });

  it("is not pushed again when its device is silent, and goes on when it speaks", async () => {
    let isBroken = false;
    w = world({
      read: () => {
        if (isBroken) throw new Error("no answer");
        return 1;
      },
    });
    run();
    await w.clock.advance(3_000);
    isBroken = true;
    await w.clock.advance(1_000);
    const before = w.samples.length;
    await w.clock.advance(60_000);
    expect(w.samples.length).toBeLessThanOrEqual(before + 1);
    isBroken = false;
    await w.clock.advance(60_000);
    expect(w.samples.length).toBeGreaterThan(before + 10);
  });

  it("goes elsewhere from the next push on, without another handle and without another write", async () => {
    w = world();
    const target = { name: "target", desired: { value: "20" } };
    const device = startDevice(w.deps, plan({ properties: [target] }), DONE);
    running = device;
    await w.clock.advance(1_000);
    for (const topic of ["a", "b"]) {
      const properties = [{ ...target, reportCycle: 1000n, pushMethod: mqtt(topic) }];
      device.update(plan({ properties }));
      await w.clock.advance(3_000);
    }
    const topics = w.samples.flatMap(({ targets }) =>
      targets.map((to) => (to.kind === "mqtt" ? to.topic : "")),
    );
    expect([...new Set(topics)]).toStrictEqual(["a", "b"]);
    expect(w.calls.opens).toBe(1);
    expect(w.written).toStrictEqual([20]);
  });

  it("is pushed no more once its push method is gone", async () => {
    w = world();
    const device = run();
    await w.clock.advance(3_000);
    const before = w.samples.length;
    device.update(plan({ properties: [{ name: "temperature", reportCycle: 2000n }] }));
    await w.clock.advance(10_000);
    expect(w.samples).toHaveLength(before);
  });
});
