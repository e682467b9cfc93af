// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../exec.ts";
import { agentOf } from "../../package/files.ts";
import { makePackage } from "../../package/package.ts";

const VERSION = "v1.24.7-rc.1";
const index = join(import.meta.dirname, "../../package/index.ts");

describe("an installation package", () => {
  it("is the agent of the sources, which calls itself by the package's version", async () => {
    const out = mkdtempSync(join(tmpdir(), "longshore-package-"));
    try {
      const said = await exec(process.execPath, [index, "--version", VERSION, "--out", out], { env: {} });
      const folder = join(out, "root/opt/longshore/agent");
      const program = join(folder, "edge-agent.js");
      const manifest: unknown = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
      expect(manifest).toMatchObject({ version: VERSION, digest: "" });
      const { stdout } = await exec(process.execPath, [program, "--version"], { env: {} });
      expect(stdout).toMatch(/^v1\.\d+\.\d+-kubeedge-v1\.\d+\.\d+\+longshore\.1\.24\.7-rc\.1\n$/);
      const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
      expect(names.filter((name) => name.endsWith(".map"))).toEqual([]);
      // Built once more, elsewhere: the same bytes.
      const again = await makePackage(VERSION);
      expect(said.stdout).toContain(`${VERSION} ${again.image.digest}\n`);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });

  it("has one layer for all processors, and an index that tells them apart", async () => {
    const { image } = await makePackage("v1.0.0", agentOf("x"));
    expect(Object.keys(image.platforms)).toEqual(["amd64", "arm64"]);
    expect(image.blobs).toHaveLength(3);
    expect(image.manifests.map(({ digest }) => digest)).toEqual([
      image.platforms["amd64"],
      image.platforms["arm64"],
      image.digest,
    ]);
  });

  it("is another package when only its version is another", async () => {
    const [one, two] = await Promise.all(["v1.0.0", "v1.0.1"].map((name) => makePackage(name, agentOf("x"))));
    expect(one?.image.digest).not.toBe(two?.image.digest);
  });

  it.each([
    ["no version", []],
    ["a version that is none", ["--version", "latest"]],
    ["a place that is none", ["--version", "v1.0.0", "--program", index, "--push", "nowhere"]],
    [
      "a registry that is not there",
      ["--version", "v1.0.0", "--program", index, "--push", "127.0.0.1:1/a/b"],
    ],
  ])("is not made with %s", async (_what, args) => {
    const { code, stderr, stdout } = await exec(process.execPath, [index, ...args], {
      env: {},
      tolerant: true,
    });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^\n✗ /);
  });
});
