// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";

/** Parameters in their order; a name may come several times. */
export type Query = readonly (readonly [name: string, value: string])[];

/** Characters of a URL, and parameters of a query: a command has up to 1,024 arguments. */
const MAX_URL_CHARS = 128 * 1024;
const MAX_PARAMETERS = 1200;

/**
 * Splits path and query. The path is decoded once; a trailing slash is left out.
 *
 * @throws {StreamError} BAD_REQUEST when there is more to it than a path: a host, an encoded slash, a dot segment
 */
export function splitUrl(url: string): { path: string[]; query: string } {
  if (url.length > MAX_URL_CHARS) throw new StreamError("BAD_REQUEST", "the URL is too long");
  const mark = url.indexOf("?");
  const raw = mark < 0 ? url : url.slice(0, mark);
  if (!/^\/(?!\/)[^#\\]*$/.test(raw)) throw new StreamError("BAD_REQUEST", "the URL must be a path");
  const path = raw.replace(/\/$/, "").split("/").slice(1).map(decodeSegment);
  return { path, query: mark < 0 ? "" : url.slice(mark + 1) };
}

function decodeSegment(raw: string): string {
  const segment = decode(raw);
  if (segment === "" || segment === "." || segment === ".." || /[/\\\0]/.test(segment))
    throw new StreamError("BAD_REQUEST", "the path has a segment that is empty, dots, or holds a slash");
  return segment;
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new StreamError("BAD_REQUEST", "the URL is not percent-encoded UTF-8", { cause });
  }
}

/** @throws {StreamError} BAD_REQUEST */
export function parseQuery(query: string): Query {
  if (query === "") return [];
  const pairs = query.split("&");
  if (pairs.length > MAX_PARAMETERS) throw new StreamError("BAD_REQUEST", "the URL has too many parameters");
  return pairs.map((pair) => {
    const equals = pair.indexOf("=");
    const [name, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return [decode(name.replaceAll("+", " ")), decode(value.replaceAll("+", " "))];
  });
}

/** As Go's url.Values encodes, but in the order given. */
export const formatQuery = (query: Query): string =>
  new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();

export const firstOf = (query: Query, name: string): string | undefined =>
  query.find(([n]) => n === name)?.[1];

/** As the API machinery reads a flag: everything but "false" and "0" sets it. */
export function toFlag(query: Query, name: string): boolean | undefined {
  const value = firstOf(query, name);
  return value === undefined ? undefined : !["false", "0"].includes(value.toLowerCase());
}

/** A number, or the text that is none, for the validation to refuse; undefined when it is absent or empty. */
export function toNumber(query: Query, name: string): unknown {
  const value = firstOf(query, name);
  if (value === undefined || value === "") return undefined;
  return /^-?\d{1,19}$/.test(value) ? Number(value) : value;
}
