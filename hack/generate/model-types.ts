// SPDX-License-Identifier: Apache-2.0
// `node hack/generate/model-types.ts <file.yaml> [<folder>]` writes types and JSON schemas of the DeviceModels in the
// file, beside it or into the folder. Exit code 64 when no file is named, 65 when it holds no usable model.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { modelFiles } from "./device-model/index.ts";

async function run(file: string, folder: string): Promise<void> {
  const files = modelFiles(await readFile(file, "utf8"));
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) {
    await writeFile(join(folder, name), text);
    console.log(join(folder, name));
  }
}

const [file = "", folder = ""] = process.argv.slice(2);
if (file === "") {
  console.error("Name a file: make model-types MODEL=file.yaml [OUT=folder]");
  process.exitCode = 64;
} else {
  try {
    await run(file, folder === "" ? dirname(file) : folder);
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 65;
  }
}
