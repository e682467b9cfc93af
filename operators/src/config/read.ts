// SPDX-License-Identifier: Apache-2.0
import { parse as parseYaml } from "yaml";
import { settings, type Config, type Setting } from "./schema.ts";

/** What is wrong with the configuration, all of it. `exitCode` is 64 for the command line, 78 for the rest. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: "CONFIG_INVALID" | "USAGE";
  readonly exitCode: 64 | 78;
  readonly faults: readonly string[];
  constructor(code: "CONFIG_INVALID" | "USAGE", faults: readonly string[]) {
    super(faults.join("\n"));
    this.code = code;
    this.exitCode = code === "USAGE" ? 64 : 78;
    this.faults = faults;
  }
}

export interface ConfigSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws when the file cannot be read */
  readonly readFile: (path: string) => string;
}

export type ConfigResult = { readonly action: "help" } | { readonly action: "run"; readonly config: Config };

interface Given {
  readonly from: string;
  readonly value: unknown;
}

/**
 * Reads flags, variables, the file of `--config` and defaults, in this precedence.
 *
 * @throws {ConfigError} with all faults at once
 */
export function readConfig(sources: ConfigSources): ConfigResult {
  const line = parseCommandLine(sources.argv);
  if (line.help) return { action: "help" };
  const faults: string[] = [];
  const path = line.file ?? sources.env["LONGSHORE_CONFIG"];
  const fromFile = path === undefined ? new Map<string, Given>() : readFile(path, sources, faults);
  const config = {};
  for (const setting of settings) {
    const variable = sources.env[setting.variable];
    const given =
      line.values.get(setting.key) ??
      (variable === undefined ? undefined : { from: setting.variable, value: variable }) ??
      fromFile.get(setting.key);
    put(
      config,
      setting.path,
      given === undefined ? setting.field.default : parseGiven(setting, given, faults),
    );
  }
  if (faults.length > 0) throw new ConfigError("CONFIG_INVALID", faults);
  return { action: "run", config: config as Config };
}

function parseGiven({ key, field }: Setting, given: Given, faults: string[]): unknown {
  try {
    return field.parse(given.value);
  } catch (error) {
    // The value itself is not shown: it may hold a password.
    faults.push(`${given.from}: ${error instanceof Error ? error.message : "is wrong"} (${key})`);
    return undefined;
  }
}

interface CommandLine {
  readonly help: boolean;
  readonly file: string | undefined;
  readonly values: ReadonlyMap<string, Given>;
}

function parseCommandLine(argv: readonly string[]): CommandLine {
  const line = { help: false, file: undefined as string | undefined, values: new Map<string, Given>() };
  const faults: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--help" || word === "-h") line.help = true;
    else takeFlag(word, rest, line, faults);
  }
  if (faults.length > 0 && !line.help) throw new ConfigError("USAGE", faults);
  return line;
}

function takeFlag(
  word: string,
  rest: string[],
  line: { file: string | undefined; values: Map<string, Given> },
  faults: string[],
): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const setting = settings.find((candidate) => candidate.flag === name);
  if (name !== "--config" && setting === undefined) {
    faults.push(`${name}: unknown flag`);
    return;
  }
  const value = equals < 0 ? nextValue(setting, rest) : word.slice(equals + 1);
  if (value === undefined) faults.push(`${name}: needs a value`);
  else if (setting === undefined) line.file = value;
  else line.values.set(setting.key, { from: name, value });
}

function nextValue(setting: Setting | undefined, rest: string[]): string | undefined {
  if (setting?.field.isBoolean === true) return "true";
  return rest[0]?.startsWith("--") === true ? undefined : rest.shift();
}

function readFile(path: string, sources: ConfigSources, faults: string[]): Map<string, Given> {
  const found = new Map<string, Given>();
  try {
    collect(parseYaml(sources.readFile(path)) as unknown, [], { path, found, faults });
  } catch (error) {
    faults.push(`${path}: ${error instanceof Error ? error.message : "cannot be read"}`);
  }
  return found;
}

interface Collection {
  readonly path: string;
  readonly found: Map<string, Given>;
  readonly faults: string[];
}

function collect(node: unknown, above: readonly string[], into: Collection): void {
  const key = above.join(".");
  if (settings.some((setting) => setting.key === key)) {
    into.found.set(key, { from: `${into.path}: ${key}`, value: node });
    return;
  }
  const isSection = key === "" || settings.some((setting) => setting.key.startsWith(`${key}.`));
  if (!isSection) into.faults.push(`${into.path}: ${key}: unknown key`);
  else if (typeof node === "object" && node !== null && !Array.isArray(node)) {
    for (const [name, child] of Object.entries(node)) collect(child, [...above, name], into);
  } else if (node !== null)
    into.faults.push(`${into.path}: ${key === "" ? "the file" : key}: expected keys below it`);
}

function put(target: object, path: readonly string[], value: unknown): void {
  let at = target as Record<string, unknown>;
  for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[path.at(-1) ?? ""] = value;
}
