// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPrograms } from "../build.ts";
import { CLONE } from "../cluster/layout.ts";

describe("programs that are built again", () => {
  let outDir: string;
  beforeEach(() => {
    outDir = mkdtempSync(join(tmpdir(), "longshore-build-"));
  });
  afterEach(() => rmSync(outDir, { recursive: true }));

  const build = (): Promise<string[]> => buildPrograms(["thermometer"], CLONE, { outDir });
  /** Another inode is another file: what reads the old one's folder may miss it for a moment. */
  const files = (): Record<string, number> =>
    Object.fromEntries(
      readdirSync(outDir, { recursive: true, encoding: "utf8" }).map((name) => [
        name,
        statSync(join(outDir, name)).ino,
      ]),
    );

  it("stay the same files for whoever runs them, also while two build at once", async () => {
    await Promise.all([build(), build()]);
    const before = files();
    expect(Object.keys(before)).toContain("thermometer.js");
    expect(Object.keys(before).some((name) => name.startsWith("thermometer.parts/"))).toBe(true);
    await build();
    expect(files()).toEqual(before);
  });

  it("are put right, and lose parts that are theirs no more", async () => {
    await build();
    const before = Object.keys(files());
    writeFileSync(join(outDir, "thermometer.js"), "half");
    writeFileSync(join(outDir, "thermometer.parts/old-ABC.js"), "");
    await build();
    expect(Object.keys(files())).toEqual(before);
    expect(statSync(join(outDir, "thermometer.js")).size).toBeGreaterThan(1000);
  });
});
