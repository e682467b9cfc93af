// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { driverOf, type ConfigData, type DeviceHandle, type Property, type Value } from "@longshore/mapper";
import { createFakeClock, settle, type FakeClock } from "../../../test/support/fake-clock.ts";
import { virtualMapper } from "../../src/virtual/index.ts";
import { aCall, aDevice, aProperty } from "../support/gen.ts";

const open = async (config: ConfigData = {}, clock: FakeClock = createFakeClock()): Promise<DeviceHandle> =>
  driverOf(virtualMapper(clock)).open(aDevice(config), aCall());

const readTimes = async (device: DeviceHandle, property: Property, times: number): Promise<Value[]> => {
  const values: Value[] = [];
  for (let i = 0; i < times; i++) values.push(await device.read(property, aCall()));
  return values;
};

describe("a virtual property", () => {
  it.each<{ what: string; config: ConfigData; change?: Partial<Property>; want: Value[] }>([
    {
      what: "stands still as a constant",
      config: { Value: 7 },
      change: { writable: false },
      want: [7, 7, 7],
    },
    { what: "counts", config: { Behavior: "counter", Start: "5", step: 2 }, want: [5, 7, 9] },
    { what: "counts anew behind its end", config: { Behavior: "Counter", Max: 1 }, want: [0, 1, 0] },
    { what: "is empty text at first", config: {}, change: { type: "STRING" }, want: ["", "", ""] },
    {
      what: "is a boolean",
      config: { Value: "true" },
      change: { type: "BOOLEAN" },
      want: [true, true, true],
    },
  ])("$what", async ({ config, change, want }) => {
    expect(await readTimes(await open(), aProperty(config, change), 3)).toStrictEqual(want);
  });

  it("goes up and down as a sine", async () => {
    const clock = createFakeClock();
    const device = await open({}, clock);
    const property = aProperty({ Behavior: "sine", Min: 10, Max: 30, PeriodMs: 4_000 }, { type: "FLOAT" });
    const values: Value[] = [];
    for (let i = 0; i < 4; i++) {
      values.push(await device.read(property, aCall()));
      await clock.advance(1_000);
    }
    expect(values).toStrictEqual([20, 30, 20, 10]);
  });

  it("walks within its bounds, the same way for the same seed", async () => {
    const property = aProperty({ Behavior: "walk", Min: 0, Max: 10, Step: 4, Seed: 3 }, { type: "FLOAT" });
    const [one, two] = [
      await readTimes(await open(), property, 200),
      await readTimes(await open(), property, 200),
    ];
    expect(one).toStrictEqual(two);
    expect(new Set(one).size).toBeGreaterThan(50);
    expect(one.every((value) => Number(value) >= 0 && Number(value) <= 10)).toBe(true);
    const other = { ...property, config: { ...property.config, Seed: 4 } };
    expect(await readTimes(await open(), other, 200)).not.toStrictEqual(one);
  });

  it("that may be written gives back what it was set to", async () => {
    const device = await open();
    await device.write?.(aProperty({}), 42, aCall());
    expect(await device.read(aProperty({}), aCall())).toBe(42);
  });

  it.each([
    { what: "a sine", config: { Behavior: "sine" }, why: "cannot be set" },
    { what: "what makes no sense", config: { Behavior: "dance" }, why: "Behavior must be one of" },
  ])("that is $what cannot be set", async ({ config, why }) => {
    const device = await open();
    await expect(device.write?.(aProperty(config), 1, aCall())).rejects.toThrow(why);
  });

  it("of a text cannot count", async () => {
    const property = aProperty({ Behavior: "counter" }, { type: "STRING" });
    await expect((await open()).read(property, aCall())).rejects.toThrow("counter is for numbers");
  });
});

describe("trouble on demand", () => {
  it("fails a property alone", async () => {
    const device = await open();
    await expect(device.read(aProperty({ Fail: true }), aCall())).rejects.toMatchObject({
      code: "WANTED_FAILURE",
    });
    expect(await device.read(aProperty({ Value: 1 }, { name: "other" }), aCall())).toBe(1);
  });

  it("fails each third call", async () => {
    const device = await open();
    const property = aProperty({ FailEvery: 3 });
    const fates: string[] = [];
    for (let i = 0; i < 6; i++) {
      const read = Promise.resolve(device.read(property, aCall()));
      fates.push(
        await read.then(
          () => "ok",
          () => "failed",
        ),
      );
    }
    expect(fates).toStrictEqual(["ok", "ok", "failed", "ok", "ok", "failed"]);
  });

  it("fails or hangs a whole device when it is opened", async () => {
    await expect(open({ Fail: "true" })).rejects.toThrow("device fails because it was told to");
    let isDone = false;
    void open({ Hang: true }).finally(() => (isDone = true));
    await settle();
    expect(isDone).toBe(false);
  });

  it("hangs, and does not heed an abort", async () => {
    const device = await open();
    const aborter = new AbortController();
    let isDone = false;
    void Promise.resolve(device.read(aProperty({ Hang: true }), aCall(aborter.signal))).finally(
      () => (isDone = true),
    );
    aborter.abort();
    await settle();
    expect(isDone).toBe(false);
  });

  it("waits, and ends at an abort", async () => {
    const clock = createFakeClock();
    const device = await open({}, clock);
    const aborter = new AbortController();
    const slow = aProperty({ DelayMs: 1_000, Value: 3 });
    const [kept, given] = [device.read(slow, aCall()), device.read(slow, aCall(aborter.signal))];
    aborter.abort();
    await expect(given).rejects.toThrow("given up");
    await clock.advance(1_000);
    expect(await kept).toBe(3);
    expect(clock.timers()).toBe(0);
  });

  it.each(["unhealthy", "offline"])("says of itself that it is %s", async (state) => {
    expect(await (await open({ State: state })).state?.(aCall())).toBe(state);
  });
});
