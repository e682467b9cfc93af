// SPDX-License-Identifier: Apache-2.0
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Text of each generated file by its path from the repository's root. */
export type Outputs = Map<string, string>;

/** Paths whose file on disk is missing, differs, or is generated no more. Sorted. */
export async function staleOutputs(root: string, outputs: Outputs): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of outputs) {
    if ((await readIfThere(join(root, path))) !== text) stale.push(path);
  }
  return [...stale, ...(await leftovers(root, outputs))].sort();
}

/** Makes the files on disk equal to `outputs`, touching only `paths` (as from `staleOutputs`). */
export async function writeOutputs(root: string, outputs: Outputs, paths: string[]): Promise<void> {
  for (const path of paths) {
    const text = outputs.get(path);
    const file = join(root, path);
    if (text === undefined) {
      await rm(file);
      continue;
    }
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

async function leftovers(root: string, outputs: Outputs): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(["crds/src/**/*.gen.{ts,json}", "docs/*.gen.md"], { cwd: root })) {
    if (!outputs.has(path)) found.push(path);
  }
  return found;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
