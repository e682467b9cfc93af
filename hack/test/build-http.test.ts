// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPrograms } from "../build.ts";
import { CLONE } from "../cluster/layout.ts";
import { exec } from "../exec.ts";

const AT_END = `process.on("exit", () => console.log(process.moduleLoadList.join("\\n")))`;

describe("the edge agent as it is built", () => {
  let outDir: string;
  beforeAll(() => {
    outDir = mkdtempSync(join(tmpdir(), "longshore-http-"));
  });
  afterAll(() => rmSync(outDir, { recursive: true }));

  it("loads Node's http without undici, which an ES module that imports it brings along", async () => {
    const [program = ""] = await buildPrograms(["edge-agent"], CLONE, { outDir });
    const args = ["--import", `data:text/javascript,${encodeURIComponent(AT_END)}`, program, "--version"];
    const env = { ...process.env, NODE_OPTIONS: undefined };
    const { stdout } = await exec(process.execPath, args, { env, timeoutMs: 60_000 });
    const loaded = stdout.split("\n");
    expect(loaded).toContain("NativeModule http");
    expect(loaded.filter((name) => name.includes("undici"))).toEqual([]);
  });
});
