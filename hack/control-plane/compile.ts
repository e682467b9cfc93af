// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exec } from "../exec.ts";
import { Fault } from "../fault.ts";
import { ensureGo } from "../prerequisites.ts";
import { seconds, type Say } from "../steps.ts";

/** A folder with a go.mod that pins programs of others, which are compiled once on each machine. */
export interface GoModule {
  /** Folder of its go.mod and go.sum. */
  readonly dir: string;
  /** Name of its folder in the user's cache. */
  readonly name: string;
  /** Programs and the packages that they are built from. */
  readonly programs: Readonly<Record<string, string>>;
  /** Go variables that are set in each program, as `package.variable`. */
  readonly variables: Readonly<Record<string, string>>;
  /** How long all of it takes from nothing, in words. */
  readonly takes: string;
}

const TIMEOUT_MS = 40 * 60_000;

/** Folder that the programs of exactly these go.mod and go.sum, and of our own lines, belong in. */
function cachedBin({ dir, name }: GoModule): string {
  const digest = createHash("sha256");
  const own = readdirSync(dir).filter((file) => file.endsWith(".go"));
  for (const file of ["go.mod", "go.sum", ...own.sort()]) digest.update(readFileSync(join(dir, file)));
  return join(homedir(), ".cache/longshore", name, digest.digest("hex").slice(0, 16));
}

/** Programs of a module that a folder does not have. */
export const missingIn = (dir: string, { programs }: GoModule): string[] =>
  Object.keys(programs).filter((name) => !existsSync(join(dir, name)));

/**
 * Compiles those of a module's programs that the cache lacks, one at a time.
 *
 * @returns the folder of the cache
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureCompiled(module: GoModule, only: readonly string[], say: Say): Promise<string> {
  const dir = cachedBin(module);
  const missing = missingIn(dir, module).filter((name) => only.includes(name));
  if (missing.length === 0) return dir;
  await ensureGo();
  mkdirSync(dir, { recursive: true });
  const what = missing.length === 1 ? "one program" : `${missing.length} programs`;
  say(`compiling ${what} once, into ${dir}; on two cores that takes ${module.takes}`);
  for (const [index, name] of missing.entries()) {
    const startedMs = performance.now();
    say(`compiling ${name} (${index + 1} of ${missing.length})`);
    await compile(module, name, dir, say);
    say(`compiled ${name} in ${seconds(performance.now() - startedMs)}`);
  }
  return dir;
}

/** A program appears under its name only when it is whole. */
async function compile(module: GoModule, name: string, dir: string, say: Say): Promise<void> {
  const partial = join(dir, `.${name}.${process.pid}`);
  const variables = Object.entries(module.variables).map(([key, value]) => `-X ${key}=${value}`);
  const args = [
    ...["build", "-trimpath", "-mod=readonly"],
    ...["-ldflags", ["-s", "-w", ...variables].join(" ")],
    ...["-o", partial, module.programs[name] ?? ""],
  ];
  let downloads = 0;
  const onLine = (line: string): void => {
    if (/^go: downloading/.test(line) && ++downloads % 25 === 0)
      say(`compiling ${name}: ${downloads} modules fetched`);
  };
  try {
    await exec("go", args, {
      cwd: module.dir,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
      timeoutMs: TIMEOUT_MS,
      onLine,
    });
    renameSync(partial, join(dir, name));
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The version of a module that a go.mod requires. @throws {Fault} GO_MOD */
export function versionOf(path: string, dir: string): string {
  const text = readFileSync(join(dir, "go.mod"), "utf8");
  const line = text.split("\n").find((each) => each.trim().startsWith(`${path} v`));
  const version = line?.trim().split(/\s+/)[1];
  if (version === undefined) throw new Fault("GO_MOD", `${join(dir, "go.mod")} does not name ${path}`);
  return version;
}
