// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync, type Stats } from "node:fs";
import { isMap, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { ConfigError, ExitCode } from "./errors.ts";
import type { Field, Section, Settings, Shape, Written } from "./fields.ts";

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;

/** What a file says, and what of it has no effect. */
export interface ReadResult<S extends Shape> {
  readonly settings: Settings<Section<S>>;
  /** Paths of keys that KubeEdge knows and this agent does not use. */
  readonly ignored: readonly string[];
}

/** @throws {ConfigError} 66 when there is no such file, 78 with all faults */
export function readConfigFile<S extends Shape>(file: string, schema: Section<S>): ReadResult<S> {
  const stat = statOf(file);
  if (!stat.isFile()) throw new ConfigError(ExitCode.config, [`${file}: is not a regular file`]);
  if (stat.size > MAX_FILE_BYTES)
    throw new ConfigError(ExitCode.config, [`${file}: is larger than ${MAX_FILE_BYTES} bytes`]);
  return parseConfig(readFileSync(file, "utf8"), file, schema);
}

function statOf(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    throw new ConfigError(ExitCode.noInput, [`${file.replaceAll("\0", "\\0")}: cannot be read`], {
      cause: error,
    });
  }
}

/** @throws {ConfigError} 78 with every fault as `file:line: key message` */
export function parseConfig<S extends Shape>(
  source: string,
  file: string,
  schema: Section<S>,
): ReadResult<S> {
  const lines = new LineCounter();
  const text = source.replace(/^\uFEFF/, "");
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: false,
    uniqueKeys: true,
    lineCounter: lines,
    prettyErrors: false,
  });
  const complaints = [...document.errors, ...document.warnings].map(
    ({ pos, message }) => `${file}:${lines.linePos(pos[0]).line}: ${message}`,
  );
  if (complaints.length > 0) throw new ConfigError(ExitCode.config, complaints);
  const value = toValue(document, file);
  if (value === null || value === undefined) throw new ConfigError(ExitCode.config, [`${file}: is empty`]);
  const walk: Walk = { document, lines, file, faults: [], ignored: [] };
  const settings = readSection(schema, value, [], walk);
  if (walk.faults.length > 0) throw new ConfigError(ExitCode.config, walk.faults);
  return { settings: settings as Settings<Section<S>>, ignored: walk.ignored };
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
  } catch (error) {
    throw new ConfigError(ExitCode.config, [`${file}: too many aliases`], { cause: error });
  }
}

interface Walk {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly file: string;
  readonly faults: string[];
  readonly ignored: string[];
}

function readSection(schema: Section, value: unknown, path: readonly string[], walk: Walk): unknown {
  const given = value ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    addFault(walk, path, "must be a mapping");
    return undefined;
  }
  for (const key of Object.keys(given)) checkKey(schema, key, path, walk);
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(schema.fields)) {
    const child = Object.hasOwn(given, key) ? (given as Record<string, unknown>)[key] : undefined;
    const at = [...path, key];
    result[key] =
      member.kind === "section" ? readSection(member, child, at, walk) : readField(member, child, at, walk);
  }
  return result;
}

function checkKey(schema: Section, key: string, path: readonly string[], walk: Walk): void {
  if (Object.hasOwn(schema.fields, key)) return;
  if (schema.ignored.includes(key)) walk.ignored.push([...path, key].join("."));
  else addFault(walk, [...path, key], "is not a known key");
}

function readField(field: Field<unknown>, value: unknown, path: readonly string[], walk: Walk): unknown {
  if (value === undefined) return field.fallback;
  const written: Written = { value, plain: plainText(walk.document, path) };
  const checked = field.check(written);
  if ("ok" in checked) return checked.ok;
  addFault(walk, path, checked.fault);
  return undefined;
}

function plainText(document: Document, path: readonly string[]): string | undefined {
  const node = document.getIn(path, true);
  return isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
}

function addFault(walk: Walk, path: readonly string[], message: string): void {
  const name = path.map((part) => part.slice(0, 64)).join(".");
  walk.faults.push(`${walk.file}:${lineOf(walk, path)}: ${name} ${message}`);
}

/** Line of the key itself, else of the nearest mapping above it that is in the file. */
function lineOf({ document, lines }: Walk, path: readonly string[]): number {
  const parent = document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    : undefined;
  const start = pair !== undefined && isScalar(pair.key) ? pair.key.range?.[0] : undefined;
  return start === undefined ? 1 : lines.linePos(start).line;
}
