// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { createCheckItems, createUsageProbe } from "../../src/jobs/index.ts";

const probe = (usage: { cpu?: number; mem?: number; disk?: Readonly<Record<string, number>> }) => ({
  cpu: () => Promise.resolve(usage.cpu ?? 0),
  mem: () => usage.mem ?? 0,
  disk: (path: string) => Promise.resolve(usage.disk?.[path] ?? 0),
});
const check = (usage: Parameters<typeof probe>[0], ...items: string[]) =>
  createCheckItems(probe(usage), ["/var/lib/longshore", "/"])(items);

describe("check items", () => {
  it("pass up to 80 % and fail above, each by its name", async () => {
    await expect(check({ cpu: 0.8, mem: 0.8, disk: { "/": 0.8 } }, "cpu", "mem", "disk")).resolves.toEqual(
      [],
    );
    await expect(check({ cpu: 0.81 }, "cpu")).resolves.toEqual([
      "CPU: 81.0 % in use, more than the allowed 80.0 %",
    ]);
    await expect(check({ mem: 0.9 }, "mem")).resolves.toEqual([
      "memory: 90.0 % in use, more than the allowed 80.0 %",
    ]);
  });
  it("A33 looks at the root and at each folder that is written to", async () => {
    await expect(check({ disk: { "/": 0.95 } }, "disk")).resolves.toEqual([
      "disk of /: 95.0 % in use, more than the allowed 80.0 %",
    ]);
    const [reason] = await check({ disk: { "/var/lib/longshore": 0.9 } }, "disk");
    expect(reason).toMatch("disk of /var/lib/longshore: 90.0 %");
  });
  it("look at what is asked for alone", async () => {
    await expect(check({ cpu: 1, mem: 1 }, "disk")).resolves.toEqual([]);
    await expect(check({ cpu: 1, mem: 1 })).resolves.toEqual([]);
  });
  it.each(["gpu", "constructor", ""])("refuse %j, which is none", async (item) => {
    await expect(check({}, item)).resolves.toEqual([`check item ${item} is not known here`]);
  });
  it("measure this machine, also for a folder that is not there yet", async () => {
    const real = createUsageProbe(systemClock);
    const folder = mkdtempSync(join(tmpdir(), "checks-"));
    const shares = [await real.cpu(), real.mem(), await real.disk("/"), await real.disk(folder)];
    for (const share of shares) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    await expect(real.disk(join(folder, "not/yet"))).resolves.toBeCloseTo(await real.disk(folder), 2);
  });
});
