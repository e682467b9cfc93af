// SPDX-License-Identifier: Apache-2.0
import { isMap, isPair, isScalar, type Document, type Scalar, type YAMLMap } from "yaml";
import type { Path } from "./key.ts";
import type { Change } from "./spec.ts";

/** A place in the text and what stands there from now on. */
interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** What could be set in the text, and what is left to do. */
export interface Spliced {
  readonly text: string;
  readonly left: readonly Change[];
}

/**
 * Sets the values that stand in the text already, where they stand, so that nothing else of it moves. Whoever calls it
 * checks the result.
 *
 * @param document `source`, parsed
 */
export function spliceValues(source: string, document: Document.Parsed, changes: readonly Change[]): Spliced {
  const spliced = changes.map((change) => {
    const node: unknown = document.getIn(change.path, true);
    return { change, splice: isScalar(node) ? valueSplice(node, change) : undefined };
  });
  const text = spliced
    .flatMap(({ splice }) => splice ?? [])
    .sort((a, b) => b.from - a.from)
    .reduce(apply, source);
  return { text, left: spliced.flatMap(({ change, splice }) => (splice ? [] : [change])) };
}

/**
 * Writes a new key behind the last one of its section.
 *
 * @returns undefined where that is not enough: empty sections, lists that grow, anchors
 */
export function spliceKey(source: string, document: Document.Parsed, change: Change): string | undefined {
  if (document.hasIn(change.path)) return undefined;
  const splice = keySplice(source, document, change);
  return splice && apply(source, splice);
}

const apply = (source: string, { from, to, text }: Splice): string =>
  source.slice(0, from) + text + source.slice(to);

const written = (value: Change["value"]): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value);

const ON_ONE_LINE: readonly unknown[] = ["PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE"];

function valueSplice(node: Scalar, { value }: Change): Splice | undefined {
  const isBare = node.anchor === undefined && node.tag === undefined && ON_ONE_LINE.includes(node.type);
  // An empty value has a place of no length, right behind its colon.
  if (!isBare || !node.range || node.range[0] === node.range[1]) return undefined;
  return { from: node.range[0], to: node.range[1], text: written(value) };
}

/** The lowest section that is there gets the rest of the path as lines of its own. */
function keySplice(source: string, document: Document.Parsed, { path, value }: Change): Splice | undefined {
  let depth = path.length - 1;
  while (depth > 0 && document.getIn(path.slice(0, depth), true) === undefined) depth--;
  const section: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
  const rest = path.slice(depth);
  const place = isMap(section) ? placeIn(source, section) : undefined;
  if (place === undefined || rest.some((part) => typeof part === "number")) return undefined;
  const { end, column } = place;
  const isLineEnd = end === 0 || source[end - 1] === "\n";
  const text = (isLineEnd ? "" : "\n") + linesOf(rest, value, column);
  return { from: end, to: end, text: source.includes("\r\n") ? text.replaceAll("\n", "\r\n") : text };
}

/** Where a section of lines ends, and how far its keys are indented. */
function placeIn(source: string, section: YAMLMap): { end: number; column: number } | undefined {
  const column = section.flow === true ? undefined : columnOf(source, section);
  const end = section.range?.[1];
  return column === undefined || end === undefined ? undefined : { end, column };
}

function columnOf(source: string, section: YAMLMap): number | undefined {
  const first: unknown = section.items[0];
  const key = isPair(first) ? first.key : undefined;
  const start = isScalar(key) ? key.range?.[0] : undefined;
  if (start === undefined) return undefined;
  const line = source.slice(source.lastIndexOf("\n", start - 1) + 1, start);
  return /^ *$/.test(line) ? line.length : undefined;
}

const STEP = 2;

function linesOf(rest: Path, value: Change["value"], column: number): string {
  return rest
    .map((part, i) => {
      const name = /^[A-Za-z][\w]*$/.test(String(part)) ? String(part) : JSON.stringify(part);
      return `${" ".repeat(column + STEP * i)}${name}:${i === rest.length - 1 ? ` ${written(value)}` : ""}\n`;
    })
    .join("");
}
