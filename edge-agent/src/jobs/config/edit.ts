// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { isScalar, parseDocument, Scalar, type Document, type YAMLMap, type YAMLSeq } from "yaml";
import { ConfigError, parseConfig, SCHEMA } from "../../config/index.ts";
import { idOf, type Path } from "./key.ts";
import type { Change } from "./spec.ts";
import { spliceKey, spliceValues } from "./splice.ts";

/** What a job makes of the file. */
export interface Edited {
  readonly text: string;
  /** False: every value stands in the file as it is to be. */
  readonly isOther: boolean;
  /** False: the agent does the same with it, for what was written down are defaults. */
  readonly hasEffect: boolean;
}

/** Why the file cannot be changed so. Nothing was written. `faults` are sentences for people, without values. */
export class EditError extends Error {
  override readonly name = "EditError";
  readonly code = "CONFIG_EDIT";
  readonly retryable = false;
  readonly faults: readonly string[];
  constructor(faults: readonly string[], options?: ErrorOptions) {
    super(faults.join("; "), options);
    this.faults = faults;
  }
}

const MAX_ALIASES = 100;
const BYTE_ORDER_MARK = /^\uFEFF/;

/**
 * Sets values in the text of a configuration file; comments and the order of keys stay, and where it is possible every
 * other byte. The result was read by the agent's own reader, and differs in exactly the places that are set.
 *
 * @param file its name, for what is said of it
 * @throws {EditError}
 */
export function editConfig(source: string, changes: readonly Change[], file: string): Edited {
  const before = settingsOf(source, file);
  const plain = source.replace(BYTE_ORDER_MARK, "");
  const mark = source.slice(0, source.length - plain.length);
  const was = valueOf(parse(plain));
  const missing = changes.filter(({ path, value }) => parseAt(was, path) !== value);
  if (missing.length === 0) return { text: source, isOther: false, hasEffect: false };
  const text = inPlace(plain, missing, was) ?? rewritten(plain, missing);
  const after = settingsOf(text, file);
  const fault = strayFault(was, valueOf(parse(text)), changes);
  if (fault !== undefined) throw new EditError([fault]);
  return { text: mark + text, isOther: true, hasEffect: !isDeepStrictEqual(before, after) };
}

const parseAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (at, part) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, part)
        ? (at as Record<string | number, unknown>)[part]
        : undefined,
    value,
  );

/** Each new key is a reading of the file. */
const MAX_NEW_KEYS = 20;

/** @returns undefined where the whole text has to be written anew */
function inPlace(source: string, changes: readonly Change[], was: unknown): string | undefined {
  const { text: first, left } = spliceValues(source, parse(source), changes);
  if (left.length > MAX_NEW_KEYS) return undefined;
  let text = first;
  for (const change of left) {
    const next = spliceKey(text, parse(text), change);
    if (next === undefined) return undefined;
    text = next;
  }
  const document = parse(text);
  return document.errors.length === 0 && strayFault(was, valueOf(document), changes) === undefined
    ? text
    : undefined;
}

function rewritten(source: string, changes: readonly Change[]): string {
  const document = parse(source);
  for (const change of changes) set(document, change);
  return document.toString(styleOf(source));
}

function settingsOf(text: string, file: string): unknown {
  try {
    return parseConfig(text, file, SCHEMA).settings;
  } catch (error) {
    throw new EditError(error instanceof ConfigError ? error.faults : [`${file}: cannot be read`], {
      cause: error,
    });
  }
}

/** As the agent's reader parses it. */
const parse = (source: string): Document.Parsed =>
  parseDocument(source, {
    version: "1.2",
    schema: "core",
    merge: false,
    uniqueKeys: true,
    prettyErrors: false,
  });

const valueOf = (document: Document): unknown => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;

/** Indentation as the file has it; long lines stay long. */
function styleOf(source: string): { lineWidth: number; indent: number; indentSeq: boolean } {
  const indent = /^( {1,8})[^\s#-]/m.exec(source)?.[1]?.length ?? 2;
  const flat = /^( *)[^\s#-][^\n]*:[ \t]*\r?\n\1- /m.test(source);
  return { lineWidth: 0, indent, indentSeq: !flat };
}

function set(document: Document.Parsed, { key, path, value }: Change): void {
  fillParents(document, path);
  const node: unknown = document.getIn(path, true);
  try {
    if (isScalar(node)) replaceScalar(node, value);
    else document.setIn(path, quoted(value));
  } catch (cause) {
    throw new EditError([`${key} cannot be set: what is above it in the file is an alias`], { cause });
  }
}

/** A text is quoted: `yes` and `1.10` stay what they are. The comment beside the value stays. */
function replaceScalar(node: Scalar, value: Change["value"]): void {
  node.value = value;
  node.type = typeof value === "string" ? Scalar.QUOTE_DOUBLE : Scalar.PLAIN;
  delete node.source;
  delete node.format;
  delete node.tag;
}

function quoted(value: Change["value"]): Scalar {
  const node = new Scalar(value);
  if (typeof value === "string") node.type = Scalar.QUOTE_DOUBLE;
  return node;
}

/** `section:` with nothing behind it becomes a mapping; what is said beside it stays. */
function fillParents(document: Document.Parsed, path: Path): void {
  for (let depth = 1; depth < path.length; depth++) {
    const above = path.slice(0, depth);
    const node: unknown = document.getIn(above, true);
    if (node !== null && !(isScalar(node) && node.value === null)) continue;
    const filled = document.createNode(typeof path[depth] === "number" ? [] : {}) as YAMLMap | YAMLSeq;
    if (isScalar(node)) filled.commentBefore = node.comment ?? node.commentBefore ?? null;
    document.setIn(above, filled);
  }
}

/**
 * Whatever the file holds (anchors, odd keys): nothing but what was named may have changed.
 *
 * @returns what else has, for people
 */
function strayFault(was: unknown, is: unknown, changes: readonly Change[]): string | undefined {
  const missed = changes.find(({ path, value }) => parseAt(is, path) !== value);
  if (missed) return `${missed.key} cannot be set in this file: change it by hand`;
  const wanted = new Set(changes.map(({ path }) => idOf(path)));
  const [before, after] = [leavesOf(was), leavesOf(is)];
  const paths = changes.map(({ path }) => path);
  const isStray = [...new Set([...before.keys(), ...after.keys()])].some(
    (id) => !wanted.has(id) && !isSameLeaf(before.get(id), after.get(id)) && !isFilled(before.get(id), paths),
  );
  return isStray ? "the file uses an alias there: setting this would change other settings too" : undefined;
}

interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

const isSameLeaf = (a: Leaf | undefined, b: Leaf | undefined): boolean =>
  a !== undefined && b !== undefined && isDeepStrictEqual(a.value, b.value);

/** An empty place that is above one that was set. */
function isFilled(before: Leaf | undefined, paths: readonly Path[]): boolean {
  return (
    before !== undefined &&
    (before.value === null || typeof before.value === "object") &&
    paths.some((path) => path.length > before.path.length && before.path.every((part, i) => part === path[i]))
  );
}

/** Every value that is no mapping or list, and the empty ones, by place. */
function leavesOf(value: unknown, path: Path = [], leaves = new Map<string, Leaf>()): Map<string, Leaf> {
  const items: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item: unknown, index) => [index, item] as const)
    : typeof value === "object" && value !== null
      ? Object.entries(value)
      : [];
  if (items.length === 0) leaves.set(idOf(path), { path, value });
  for (const [name, item] of items) leavesOf(item, [...path, name], leaves);
  return leaves;
}
