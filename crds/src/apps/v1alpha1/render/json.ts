// SPDX-License-Identifier: Apache-2.0
import { fail } from "./fault.ts";
import type { RenderLimits } from "./limits.ts";

/** An object that is being made. */
export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a key that the object itself has; never what every object inherits. */
export const own = (fields: Readonly<Fields>, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;

/** The objects of a list that may not be one, with their positions. */
export function indexed<T>(list: readonly T[] | undefined): (readonly [number, T])[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly T[])
    .map((item, index) => [index, item] as const)
    .filter(([, item]) => isFields(item));
}

/** Removes a key. */
export function drop(fields: Fields, key: string): void {
  Reflect.deleteProperty(fields, key);
}

/** The object at a path of keys, or undefined where one is missing or something else. */
export function fieldsAt(root: unknown, path: readonly string[]): Fields | undefined {
  let value: unknown = root;
  for (const key of path) {
    if (!isFields(value)) return undefined;
    value = own(value, key);
  }
  return isFields(value) ? value : undefined;
}

/** The object below a key; made when it is missing. A fault when it is something else. */
export function fieldsOf(parent: Fields, key: string, field: string): Fields {
  const value = own(parent, key);
  if (value === undefined || value === null) {
    const made: Fields = {};
    parent[key] = made;
    return made;
  }
  return isFields(value) ? value : fail(`${field}.${key}`, "is not an object");
}

/** The list below a key; empty when it is missing, and not yet put into the parent. */
export function listOf(parent: Readonly<Fields>, key: string, field: string): unknown[] {
  const value = own(parent, key);
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? (value as unknown[]) : fail(`${field}.${key}`, "is not a list");
}

/** Keys that would reach what all objects share. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor"]);
export const isForbiddenKey = (key: string): boolean => FORBIDDEN_KEYS.has(key);

/**
 * A copy that shares nothing with its source.
 *
 * @throws {RenderFaultError} for what JSON cannot hold, keys that are not taken, and what exceeds the limits
 */
export function cloneJson(value: unknown, field: string, limits: RenderLimits): unknown {
  let left = limits.maxValues;
  const copy = (source: unknown, path: string, depth: number): unknown => {
    if (--left < 0) fail(field, `has more than ${String(limits.maxValues)} values; split it`);
    if (depth > limits.maxDepth) fail(field, `has more than ${String(limits.maxDepth)} levels; flatten it`);
    if (Array.isArray(source))
      return source.map((item, index) => copy(item, `${path}[${String(index)}]`, depth + 1));
    if (!isFields(source)) return scalar(source, path);
    const made: Fields = {};
    for (const [key, item] of Object.entries(source)) {
      if (FORBIDDEN_KEYS.has(key)) fail(path, `has the key ${key}, which is not taken; rename it`);
      if (item !== undefined) made[key] = copy(item, `${path}.${key}`, depth + 1);
    }
    return made;
  };
  return copy(value, field, 0);
}

function scalar(value: unknown, path: string): unknown {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
  return fail(path, `is a ${typeof value}, which JSON cannot hold`);
}

/** JSON with sorted keys, so that equal objects give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isFields(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(",")}}`;
}
