// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { decodeFrame } from "@longshore/crds/wire";
import { readTwinReport } from "../../../src/hub/uplink/device-report.ts";
import { createFakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "./bench.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const MIB = 1024 * 1024;

describe("reports that wait", () => {
  it("hold nothing of the text that they were read from but what they tell", async () => {
    const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const read = (fill: string) => {
      const entry = { actual: { value: "1" }, metadata: { type: fill.repeat(MIB) } };
      const content = { event_id: "e", timestamp: 1, twin: { t: entry } };
      const text = JSON.stringify({ header: { msg_id: "m" }, route: {}, content });
      return readTwinReport(decodeFrame(text).content);
    };
    await idle();
    gc();
    const before = process.memoryUsage().heapUsed;
    const reports = Array.from({ length: 32 }, (_, i) => read(String.fromCharCode(97 + (i % 26))));
    await idle();
    gc();
    expect((process.memoryUsage().heapUsed - before) / MIB).toBeLessThan(8);
    expect(reports.map(({ properties }) => properties.size)).toEqual(reports.map(() => 1));
  });
});

describe("frames of one device each, as KubeEdge's edges send them", () => {
  it("take little memory while they wait for their answer", async () => {
    const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const bench = uplinkBench({ clock: createFakeClock(), devices: { writesPerSecond: 0.001, burst: 1 } });
    const [devices, frames] = [1_000, 64];
    const header = { msg_id: "4f6b2c1e-8a3d-4e55-9c40-2b1d7f0a9e11", timestamp: 1, sync: false };
    const route = { source: "twin", group: "resource", operation: "update" };
    const tell = async (device: number, id: number): Promise<void> => {
      const resource = `device/default/device-${device}/twin/edge_updated`;
      const twin = { t: { actual: { value: "1" }, metadata: { type: "int" } } };
      const content = { event_id: header.msg_id, timestamp: 1, twin };
      const msg_id = `${String(id).padStart(8, "0")}${header.msg_id.slice(8)}`;
      await bench.handle(
        decodeFrame(
          JSON.stringify({ header: { ...header, msg_id }, route: { ...route, resource }, content }),
        ),
      );
    };
    for (let device = 0; device <= devices; device++) await tell(device, device);
    await idle();
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let frame = 1; frame < frames; frame++)
      for (let device = 1; device <= devices; device++) await tell(device, frame * devices + device);
    await idle();
    gc();
    const bytes = (process.memoryUsage().heapUsed - before) / (devices * (frames - 1));
    expect(bytes).toBeLessThan(350);
  }, 60_000);
});
