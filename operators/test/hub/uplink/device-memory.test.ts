// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { decodeFrame } from "@longshore/crds/wire";
import { readTwinReport } from "../../../src/hub/uplink/device-report.ts";

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
