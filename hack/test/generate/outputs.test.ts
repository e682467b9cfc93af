// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { staleOutputs, writeOutputs, type Outputs } from "../../generate/outputs.ts";

describe("generated files on disk", () => {
  const outputs: Outputs = new Map([
    ["crds/src/a/v1/types.gen.ts", "a\n"],
    ["crds/src/b/v1/types.gen.ts", "b\n"],
  ]);
  const paths = [...outputs.keys()];
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "longshore-generate-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  test("missing ones are stale, written ones are not", async () => {
    expect(await staleOutputs(root, outputs)).toEqual(paths);
    await writeOutputs(root, outputs, paths);
    expect(await staleOutputs(root, outputs)).toEqual([]);
  });

  test("one that differs is stale, and only it is written", async () => {
    await writeOutputs(root, outputs, paths);
    const untouched = await stat(join(root, paths[1]!));
    const changed = new Map([...outputs, [paths[0]!, "changed\n"]]);
    const stale = await staleOutputs(root, changed);
    expect(stale).toEqual([paths[0]]);
    await writeOutputs(root, changed, stale);
    expect(await readFile(join(root, paths[0]!), "utf8")).toBe("changed\n");
    expect((await stat(join(root, paths[1]!))).mtimeMs).toBe(untouched.mtimeMs);
  });

  test("one that is generated no more is stale, and goes", async () => {
    await writeOutputs(root, outputs, paths);
    const fewer = new Map([...outputs].slice(1));
    const stale = await staleOutputs(root, fewer);
    expect(stale).toEqual([paths[0]]);
    await writeOutputs(root, fewer, stale);
    expect(await staleOutputs(root, fewer)).toEqual([]);
  });
});
