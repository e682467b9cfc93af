// SPDX-License-Identifier: Apache-2.0
import { build, type OutputFile } from "esbuild";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CLONE } from "./cluster/layout.ts";
import { Fault, script } from "./fault.ts";

/** The programs, each one file; those of the edge keep what they rarely need in `dist/<name>.parts/`. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  operators: "operators/src/main.ts",
  webhooks: "webhooks/src/main.ts",
  "edge-agent": "edge-agent/src/main.ts",
  "longshore-launcher": "edge-agent/src/launcher/main.ts",
  thermometer: "mapper/examples/thermometer/main.ts",
  "modbus-mapper": "mapper/drivers/src/modbus/main.ts",
  "mqtt-mapper": "mapper/drivers/src/mqtt/main.ts",
  "opcua-mapper": "mapper/drivers/src/opcua/main.ts",
  "camera-mapper": "mapper/drivers/src/camera/main.ts",
  "virtual-mapper": "mapper/drivers/src/virtual/main.ts",
};

// CommonJS libraries inside an ES module call require for Node's own modules.
const REQUIRE =
  "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);";

/** Whether what a program rarely needs lies in its `.parts`. */
export const isSplit = (name: string): boolean => /^(mapper|edge-agent)\//.test(PROGRAMS[name] ?? "");

/** What a program's package.json says: Node compiles a program twice that nothing says to be a module. */
export const MODULE = '{ "type": "module" }\n';

/** Where to, and as what. */
export interface BuildOptions {
  /** Default `dist/` of the clone. */
  readonly outDir?: string;
  /** What the programs call their own version; default 0.0.0. */
  readonly version?: string;
}

/**
 * Bundles programs into `dist/<name>.js`, straight from the sources: no compiled package is needed. What is there
 * already stays as it is, for programs run from there and read their parts late, also while others build the same.
 *
 * @throws {Fault} BUILD_FAILED with esbuild's messages
 */
export async function buildPrograms(
  names: readonly string[] = Object.keys(PROGRAMS),
  root: string = CLONE,
  { outDir = join(root, "dist"), version = "0.0.0" }: BuildOptions = {},
): Promise<string[]> {
  place({ path: join(outDir, "package.json"), contents: Buffer.from(MODULE) });
  return Promise.all(names.map((name) => bundle(name, root, { outDir, version })));
}

async function bundle(
  name: string,
  root: string,
  { outDir, version }: Required<BuildOptions>,
): Promise<string> {
  const entry = join(root, PROGRAMS[name] ?? "");
  const outfile = join(outDir, `${name}.js`);
  if (!existsSync(entry)) throw new Fault("BUILD_FAILED", `${name}: ${entry} does not exist`);
  const { outputFiles, warnings } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: outDir,
    bundle: true,
    define: { LONGSHORE_VERSION: JSON.stringify(version) },
    // A library that is imported late stays out of the program: 10 MB of memory for the clients of databases, 12 for MQTT.
    splitting: isSplit(name),
    chunkNames: `${name}.parts/[name]-[hash]`,
    alias: {
      serialport: join(root, "mapper/drivers/src/modbus/late-serialport.ts"),
      "@grpc/proto-loader": join(root, "hack/no-proto-loader.ts"),
      http: join(root, "hack/plain-http.cjs"),
      "node:http": join(root, "hack/plain-http.cjs"),
    },
    // A library that node-opcua does without when it is not there.
    external: ["proper-lockfile"],
    platform: "node",
    format: "esm",
    target: "node22",
    conditions: ["source"],
    banner: { js: REQUIRE },
    // Without keepNames, which defines a property at each making of a closure: a tenth of the hub's time.
    minify: true,
    sourcemap: "linked",
    loader: { ".lua": "text" },
    logLevel: "silent",
    write: false,
  }).catch((error: unknown) => {
    throw new Fault("BUILD_FAILED", `${name}: ${error instanceof Error ? error.message : String(error)}`);
  });
  for (const { text, location } of warnings) {
    process.stderr.write(`${name}: ${location?.file ?? ""}:${location?.line ?? 0}: ${text}\n`);
  }
  for (const file of outputFiles) place(file);
  removeOthers(join(outDir, `${name}.parts`), outputFiles);
  return outfile;
}

function place({ path, contents }: Pick<OutputFile, "path" | "contents">): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const whole = `${path}.${process.pid}.tmp`;
  writeFileSync(whole, contents);
  renameSync(whole, path);
}

/** Parts of an earlier build. */
function removeOthers(dir: string, files: readonly OutputFile[]): void {
  if (!existsSync(dir)) return;
  const kept = new Set(files.map(({ path }) => basename(path)));
  for (const name of readdirSync(dir))
    if (/\.(js|map)$/.test(name) && !kept.has(name)) rmSync(join(dir, name), { force: true });
}

if (import.meta.main) {
  await script(async () => {
    for (const file of await buildPrograms()) {
      process.stdout.write(`${file} ${Math.round(statSync(file).size / 1024)} KiB\n`);
    }
  });
}
