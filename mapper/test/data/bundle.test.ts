// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { build, type Metafile } from "esbuild";
import { freePort } from "../../../hack/free-port.ts";
import { makeDir } from "./servers/process.ts";

const DATA = join(import.meta.dirname, "../../src/data");
const LIBRARIES = /node_modules\/(mqtt|ioredis|mysql2)\//;
const REQUIRE =
  "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);";

/** Pushes one sample to each kind of server, none of which is there, and tells what came of it. */
const PROBE = `
  import { createSinkOpener } from ${JSON.stringify(join(DATA, "index.ts"))};
  const endpoint = { isTls: false, host: "127.0.0.1", port: Number(process.argv[2]) };
  const sample = { namespace: "n", device: "d", property: "p", type: "INT", text: "1", value: 1, atMs: 1 };
  const open = createSinkOpener({ read: () => Promise.resolve(undefined) });
  const targets = [
    { kind: "mqtt", endpoint, topic: "t", qos: 1, isRetained: false },
    { kind: "redis", endpoint, db: 0 },
    { kind: "mysql", endpoint, database: "d", userName: "u" },
    { kind: "otel", endpoint, path: "/v1/metrics" },
    { kind: "tdengine", endpoint, database: "d" },
  ];
  for (const target of targets) {
    const sink = open(target);
    const told = await sink.send([{ sample, target }], AbortSignal.timeout(10000)).catch(({ message }) => message);
    process.stdout.write(target.kind + " " + told + "\\n");
    sink.close();
  }
`;

describe("a mapper's program, bundled in parts", () => {
  const dir = makeDir("bundle");
  let metafile: Metafile;
  beforeAll(async () => {
    writeFileSync(join(dir, "probe.ts"), PROBE);
    ({ metafile } = await build({
      ...{
        absWorkingDir: dir,
        entryPoints: ["probe.ts"],
        outdir: "dist",
        metafile: true,
        logLevel: "silent",
      },
      ...{ bundle: true, splitting: true, platform: "node", format: "esm", target: "node22" },
      ...{ conditions: ["source"], outExtension: { ".js": ".mjs" }, banner: { js: REQUIRE }, minify: true },
    }));
  }, 60_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("has no library of a server in what it loads at its start", () => {
    const atStart = new Set(["dist/probe.mjs"]);
    for (const path of atStart)
      for (const { kind, path: imported } of metafile.outputs[path]?.imports ?? [])
        if (kind === "import-statement" && imported in metafile.outputs) atStart.add(imported);
    const inputs = [...atStart].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));
    expect(inputs.some((path) => path.includes("src/data/sinks/mqtt.ts"))).toBe(true);
    expect(inputs.filter((path) => LIBRARIES.test(path))).toEqual([]);
    const all = Object.values(metafile.outputs).flatMap(({ inputs: parts }) => Object.keys(parts));
    for (const library of ["mqtt", "ioredis", "mysql2"])
      expect(all.some((path) => path.includes(`node_modules/${library}/`))).toBe(true);
  });

  it("loads each library when a target of its kind appears", async () => {
    const flags = ["--disallow-code-generation-from-strings", "dist/probe.mjs", String(await freePort())];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: dir, timeout: 30_000 });
    expect(stdout.trim().split("\n")).toEqual(
      ["mqtt", "redis", "mysql", "otel", "tdengine"].map((kind) => `${kind} ECONNREFUSED`),
    );
  }, 60_000);
});
