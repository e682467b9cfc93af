// SPDX-License-Identifier: Apache-2.0

const MAX_CHARS = 1_024;
const MAX_SEGMENTS = 32;
const LITERAL = /^[A-Za-z0-9._~-]+$/;
/** A whole segment, whatever is in its place: `{device}`. */
const PARAMETER = /^\{[A-Za-z0-9_-]{1,64}\}$/;

/**
 * What is wrong with the path of a rest source; undefined when nothing is. A path is matched by segments, never as an
 * expression: literals and whole parameters, as in `/devices/{name}/state`. Slashes at both ends mean nothing.
 */
export function pathFault(path: string): string | undefined {
  if (path.length > MAX_CHARS) return `is over ${MAX_CHARS} characters`;
  const segments = segmentsOf(path);
  if (segments.length > MAX_SEGMENTS) return `is over ${MAX_SEGMENTS} segments`;
  const isGood = segments.every((segment) => isLiteral(segment) || PARAMETER.test(segment));
  return isGood
    ? undefined
    : "takes segments of letters, digits, . _ ~ and -, or one {parameter} as a whole segment";
}

/** The segments of a path, without the slash at either end; none of `/`. */
export function segmentsOf(path: string): string[] {
  const inner = path.replace(/^\//, "").replace(/\/$/, "");
  return inner === "" ? [] : inner.split("/");
}

const isLiteral = (segment: string): boolean => LITERAL.test(segment) && segment !== "." && segment !== "..";
