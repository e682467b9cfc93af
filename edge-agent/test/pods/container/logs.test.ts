// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { asideName, removeRun, rotateLog } from "../../../src/pods/container/logs.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "runs-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

it("a run that is removed takes its log and its last words along, and nobody else's", async () => {
  const paths = { rootDir: join(root, "lib"), podLogsDir: join(root, "logs") };
  const pod = { uid: "u", name: "p", namespace: "default" };
  const logs = join(root, "logs", "default_p_u", "c");
  const words = join(root, "lib", "pods", "u", "containers", "c");
  await mkdir(logs, { recursive: true });
  await mkdir(words, { recursive: true });
  for (const name of ["1.log", "1.log.20260101-000000", "11.log", "2.log"])
    await writeFile(join(logs, name), "");
  for (const name of ["1", "2"]) await writeFile(join(words, name), "");
  await removeRun(paths, pod, { name: "c", attempt: 1 });
  await removeRun(paths, pod, { name: "../c", attempt: 2 });
  expect((await readdir(logs)).sort()).toEqual(["11.log", "2.log"]);
  expect(await readdir(words)).toEqual(["2"]);
});

describe("a log that is rotated", () => {
  const limits = { maxBytes: 3, maxFiles: 5, nowMs: Date.UTC(2026, 10, 21, 2, 7, 5, 900) };
  const contents = async (): Promise<string[]> =>
    await Promise.all((await readdir(root)).sort().map((name) => readFile(join(root, name), "utf8")));

  it("several times within a second, or after the clock was set back, keeps all in their order", async () => {
    const path = join(root, "0.log");
    for (const [text, aheadMs] of [
      ["first", 0],
      ["second", 50],
      ["third", -86_400_000],
    ] as const) {
      await writeFile(path, text);
      const at = { ...limits, nowMs: limits.nowMs + aheadMs };
      expect(await rotateLog(path, at, async () => await writeFile(path, "new"))).toBe(true);
    }
    expect(await contents()).toEqual(["new", "first", "second", "third"]);
  });
  it.each([
    { files: [], want: "0.log.20261121-020705" },
    { files: ["0.log.20261121-020704", "1.log.20300101-000000", "0.log"], want: "0.log.20261121-020705" },
    { files: ["0.log.20261231-235959"], want: "0.log.20270101-000000" },
    { files: ["0.log.20261231-235959.gz"], want: "0.log.20270101-000000" },
    { files: ["0.log.99999999-999999", "0.log.tmp"], want: "0.log.20261121-020705" },
  ])("has the name $want beside $files", ({ files, want }) => {
    expect(asideName(files, "0.log", limits.nowMs)).toBe(want);
  });
  it("stays aside when the runtime has opened the next, whatever it says", async () => {
    const path = join(root, "0.log");
    await writeFile(path, "long");
    const reopen = async (): Promise<never> => {
      await writeFile(path, "new");
      throw new Error("no answer in time");
    };
    await expect(rotateLog(path, limits, reopen)).rejects.toThrow("no answer in time");
    expect(await contents()).toEqual(["new", "long"]);
  });
  it("is opened anew by the next agent when one ended after moving it", async () => {
    const path = join(root, "0.log");
    await writeFile(path, "long");
    await rename(path, `${path}.20261121-020705`);
    expect(await rotateLog(path, limits, async () => await writeFile(path, "new"))).toBe(false);
    expect(await contents()).toEqual(["new", "long"]);
  });
});
