// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { removeRun } from "../../../src/pods/container/logs.ts";

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
