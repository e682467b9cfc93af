// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { CallContext, Device, DeviceHandle, Property } from "@longshore/mapper";
import { createThermometer } from "../../examples/thermometer/thermometer.ts";
import { aLog } from "../support/gen.ts";

const property = (name: string): Property => ({ name, type: "FLOAT", writable: true, unit: "", config: {} });
const device: Device = {
  id: "default/room",
  namespace: "default",
  name: "room",
  model: "virtual-thermometer",
  config: { wobble: 0 },
  properties: [property("temperature"), property("target")],
  streams: [],
};
const context: CallContext = { signal: new AbortController().signal, deadlineMs: 0, log: aLog() };

describe("the virtual thermometer", () => {
  it("moves towards its target, and stays there", async () => {
    let nowMs = 0;
    const handle = await createThermometer(() => nowMs).driver.open(device, context);
    const read = (name: string) => (handle satisfies DeviceHandle).read(property(name), context);
    expect(read("temperature")).toBe(20);
    await handle.write?.(property("target"), 30, context);
    expect(read("target")).toBe(30);
    nowMs += 1_000;
    expect(read("temperature")).toBe(22);
    nowMs += 60_000;
    expect(read("temperature")).toBe(30);
  });

  it("tells each write in its log, numbered from when it was opened", async () => {
    const log = aLog();
    const handle = await createThermometer().driver.open(device, context);
    for (const target of [30, 31]) await handle.write?.(property("target"), target, { ...context, log });
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { target: 30, write: 1 },
      { target: 31, write: 2 },
    ]);
  });

  it("cannot be told its temperature", async () => {
    const handle = await createThermometer().driver.open(device, context);
    expect(() => handle.write?.(property("temperature"), 30, context)).toThrow("cannot be set");
  });
});
