// SPDX-License-Identifier: Apache-2.0

/** A value that changed. */
export interface Difference {
  /** `spec.template.spec.containers[nginx].image` */
  readonly path: string;
  /** undefined: was not there */
  readonly before: unknown;
  /** undefined: is not there any more */
  readonly after: unknown;
}

/** Differences told of one object; more are counted by nobody, for they are not looked for. */
export const MAX_DIFFERENCES = 20;

type Fields = Readonly<Record<string, unknown>>;

/** What changed between two JSON values, deepest first found; list items are compared by `name` where all have one. */
export function differences(before: unknown, after: unknown, max = MAX_DIFFERENCES): Difference[] {
  const found: Difference[] = [];
  walk({ before, after, path: "" }, found, max);
  return found;
}

function walk(pair: Difference, found: Difference[], max: number): void {
  if (found.length >= max) return;
  const parts = partsOf(pair);
  if (parts === undefined) {
    if (JSON.stringify(pair.before) !== JSON.stringify(pair.after)) found.push(pair);
    return;
  }
  for (const part of parts) walk(part, found, max);
}

/** undefined: there is nothing inside that could be compared */
function partsOf({ before, after, path }: Difference): Difference[] | undefined {
  if (isFields(before) && isFields(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const inner = (key: string): string =>
      path === "" ? key : `${path}${/[./]/.test(key) ? `[${key}]` : `.${key}`}`;
    return keys.map((key) => ({ before: own(before, key), after: own(after, key), path: inner(key) }));
  }
  if (Array.isArray(before) && Array.isArray(after)) return itemsOf(before, after, path);
  return undefined;
}

function itemsOf(before: readonly unknown[], after: readonly unknown[], path: string): Difference[] {
  const [old, now] = [byName(before), byName(after)];
  if (old && now)
    return [...new Set([...old.keys(), ...now.keys()])].map((name) => ({
      before: old.get(name),
      after: now.get(name),
      path: `${path}[${name}]`,
    }));
  return Array.from({ length: Math.max(before.length, after.length) }, (_, index) => ({
    before: before[index],
    after: after[index],
    path: `${path}[${index}]`,
  }));
}

function byName(items: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const item of items) {
    const name = isFields(item) ? item["name"] : undefined;
    if (typeof name !== "string" || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
