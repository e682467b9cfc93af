// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Outputs } from "./outputs.ts";

const run = promisify(execFile);

/** Each folder under `crds/proto` becomes static code in the folder of the same name under `crds/src`. */
const interfaces = ["cri", "dmi"];

/**
 * bigint: the CRI counts nanoseconds, past 2^53. generic-definitions: plain service tables, no grpc-js.
 * enumsAsLiterals: only erasable syntax. useOptionals=messages: what proto3 may leave unset is optional.
 */
const tsProtoOptions = [
  "outputServices=generic-definitions",
  "fileSuffix=.gen",
  "importSuffix=.ts",
  "forceLong=bigint",
  "enumsAsLiterals=true",
  "unrecognizedEnum=false",
  "esModuleInterop=true",
  "env=node",
  "useOptionals=messages",
  "useExactTypes=false",
  "outputJsonMethods=false",
  "annotateFilesWithVersion=false",
];

/** Static message codecs and service definitions of the .proto files, by path from the repository's root. */
export async function protoOutputs(root: string): Promise<Outputs> {
  const outputs: Outputs = new Map();
  for (const name of interfaces) {
    for (const [path, text] of await generate(root, name)) outputs.set(`crds/src/${name}/${path}`, text);
  }
  outputs.set("crds/src/dmi/descriptors.gen.ts", await descriptors(root, "dmi"));
  return outputs;
}

/** The .proto files themselves, as a server tells them to those who ask. */
async function descriptors(root: string, name: string): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), "longshore-proto-"));
  try {
    const file = join(out, "set.binpb");
    const args = ["build", "--as-file-descriptor-set", "--exclude-source-info", "-o", file];
    await run(join(root, "node_modules/.bin/buf"), args, { cwd: join(root, "crds/proto", name) });
    const lines = (await readFile(file)).toString("base64").match(/.{1,100}/g) ?? [];
    return [
      "// SPDX-License-Identifier: Apache-2.0",
      "/** A google.protobuf.FileDescriptorSet of the interface and what it imports, in base64. */",
      "export const DESCRIPTORS =",
      `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
      "",
    ].join("\n");
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function generate(root: string, name: string): Promise<Outputs> {
  const out = await mkdtemp(join(tmpdir(), "longshore-proto-"));
  try {
    const plugin = {
      local: join(root, "node_modules/.bin/protoc-gen-ts_proto"),
      out,
      opt: tsProtoOptions,
      include_imports: true,
    };
    const template = JSON.stringify({ version: "v2", plugins: [plugin] });
    await run(join(root, "node_modules/.bin/buf"), ["generate", "--template", template], {
      cwd: join(root, "crds/proto", name),
    });
    return await readTypeScript(out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function readTypeScript(folder: string): Promise<Outputs> {
  const names = await readdir(folder, { recursive: true });
  const outputs: Outputs = new Map();
  for (const name of names.filter((path) => path.endsWith(".ts")).sort()) {
    const text = await readFile(join(folder, name), "utf8");
    outputs.set(name, `// SPDX-License-Identifier: Apache-2.0\n${text}`);
  }
  return outputs;
}
