// SPDX-License-Identifier: Apache-2.0
import { configFaults, type ConfigSpec } from "@longshore/crds/operations";
import { findTarget, typedValue, type Scalar } from "./field.ts";
import { idOf, parseKey, type Path } from "./key.ts";

/** One value that a job sets. */
export interface Change {
  /** As the job names it. */
  readonly key: string;
  readonly path: Path;
  readonly value: Scalar;
}

type Fields = Readonly<Record<string, unknown>>;

const AT = "spec.updateFields";
/** Characters of a key that are told. */
const SHOWN_CHARS = 128;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => Number.isSafeInteger(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const TYPES: Readonly<Record<keyof ConfigSpec, readonly [(value: unknown) => boolean, string]>> = {
  updateFields: [(value) => isObject(value) && Object.values(value).every(isText), "a mapping of texts"],
  nodeNames: [isTexts, "a list of texts"],
  checkItems: [isTexts, "a list of texts"],
  labelSelector: [isObject, "a mapping"],
  failureTolerate: [isText, "a text"],
  concurrency: [isNumber, "a whole number"],
  timeoutSeconds: [isNumber, "a whole number"],
};

/** What a ConfigUpdateJob sets, in the order of the places in lists. */
export interface Changes {
  readonly changes: readonly Change[];
  /** Complete sentences; none of them holds a value. */
  readonly faults: readonly string[];
}

/** Reads a job's spec as if nobody had checked it. */
export function changesOf(spec: unknown): Changes {
  const fields = withoutNulls(spec);
  const faults = fields === undefined ? ["spec: must be a mapping"] : shapeFaults(fields);
  if (fields === undefined || faults.length > 0) return { changes: [], faults };
  const given = fields as ConfigSpec;
  const refused = configFaults(given).map(({ field, message }) => `${field}: ${message}`);
  const entries = Object.entries(given.updateFields ?? {});
  if (entries.length === 0) refused.push(`${AT}: missing: there is nothing to change`);
  if (refused.length > 0) return { changes: [], faults: refused };
  const read = entries.map(([key, text]) => readChange(key, text));
  const changes = read.flatMap((each) => ("fault" in each ? [] : [each]));
  const wrong = read.flatMap((each) => ("fault" in each ? [each.fault] : []));
  return { changes: changes.sort(byPlace), faults: [...wrong, ...repeated(changes)] };
}

/** Go writes null for what is empty. */
function withoutNulls(spec: unknown): Fields | undefined {
  if (!isObject(spec)) return undefined;
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null));
}

const shapeFaults = (spec: Fields): string[] =>
  Object.entries(TYPES).flatMap(([name, [isRight, wanted]]) =>
    spec[name] === undefined || isRight(spec[name]) ? [] : [`spec.${name}: must be ${wanted}`],
  );

function readChange(key: string, text: string): Change | { readonly fault: string } {
  const path = parseKey(key);
  const target = path === undefined ? { fault: "is no path" } : findTarget(path);
  const typed = "fault" in target ? target : typedValue(target, text);
  if (path === undefined || "fault" in typed)
    return { fault: `${key.slice(0, SHOWN_CHARS)} ${"fault" in typed ? typed.fault : ""}`.trim() };
  return { key, path, value: typed.ok };
}

/** `a[0]` and `a[00]` are one place. */
function repeated(changes: readonly Change[]): string[] {
  const ids = changes.map(({ path }) => idOf(path));
  return changes
    .filter((_, i) => ids.indexOf(ids[i] ?? "") !== i)
    .map(({ key }) => `${key.slice(0, SHOWN_CHARS)} is set twice`);
}

/** Places in lists upwards, so that items can be added one after the other. */
function byPlace(a: Change, b: Change): number {
  for (let i = 0; i < Math.min(a.path.length, b.path.length); i++) {
    const [x, y] = [a.path[i] ?? "", b.path[i] ?? ""];
    if (x === y) continue;
    if (typeof x === "number" && typeof y === "number") return x - y;
    return String(x) < String(y) ? -1 : 1;
  }
  return a.path.length - b.path.length;
}
