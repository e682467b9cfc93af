// SPDX-License-Identifier: Apache-2.0
import { fail, quoted } from "../fault.ts";
import { canonicalJson, drop, isFields, own, type Fields } from "../json.ts";
import type { ListRule, Shape } from "./merge-keys.ts";

const DIRECTIVE = "$patch";
const RETAIN = "$retainKeys";
const DELETE_FROM = "$deleteFromPrimitiveList/";

/**
 * A strategic merge patch, as kubectl patch reads it: objects merge, null removes, lists with a merge key merge by
 * it and others are replaced, `$patch: delete` and `$patch: replace` do what they say. New items come last.
 *
 * @throws {RenderFaultError} for directives that are not known and items without their key
 */
export function strategicMerge(value: Fields, patch: Fields, shape: Shape, field: string): Fields {
  if (own(patch, DIRECTIVE) === "replace") return withoutDirectives(patch, field);
  const merged = { ...value };
  for (const [key, change] of Object.entries(patch)) mergeMember(merged, key, change, { shape, field });
  retain(merged, own(patch, RETAIN), field);
  return merged;
}

interface Place {
  readonly shape: Shape;
  readonly field: string;
}

function mergeMember(merged: Fields, key: string, change: unknown, { shape, field }: Place): void {
  if (key.startsWith("$")) {
    applyDirective(merged, key, change, field);
    return;
  }
  const at = `${field}.${key}`;
  if (change === null || directiveOf(change, at) === "delete") {
    drop(merged, key);
  } else if (isFields(change)) {
    const before = own(merged, key);
    merged[key] = strategicMerge(isFields(before) ? before : {}, change, shape.objects?.[key] ?? {}, at);
  } else if (Array.isArray(change)) {
    merged[key] = mergeList(own(merged, key), change, shape.lists?.[key], at);
  } else {
    merged[key] = change;
  }
}

function applyDirective(merged: Fields, key: string, change: unknown, field: string): void {
  if (key === RETAIN || (key === DIRECTIVE && change === "merge")) return;
  const list = key.startsWith(DELETE_FROM) ? own(merged, key.slice(DELETE_FROM.length)) : undefined;
  if (!key.startsWith(DELETE_FROM) || !Array.isArray(change)) {
    fail(`${field}.${key}`, "is not known here; use $patch with delete, replace or merge");
  }
  const removed = new Set(change.map(canonicalJson));
  if (!Array.isArray(list)) return;
  merged[key.slice(DELETE_FROM.length)] = list.filter((one) => !removed.has(canonicalJson(one)));
}

function retain(merged: Fields, keys: unknown, field: string): void {
  if (keys === undefined) return;
  if (!Array.isArray(keys)) fail(`${field}.${RETAIN}`, "is not a list; list the keys that stay");
  for (const key of Object.keys(merged)) if (!keys.includes(key)) drop(merged, key);
}

function directiveOf(change: unknown, field: string): unknown {
  const directive = isFields(change) ? own(change, DIRECTIVE) : undefined;
  if (directive === undefined || ["delete", "replace", "merge"].includes(directive as string))
    return directive;
  return fail(`${field}.${DIRECTIVE}`, `is ${quoted(directive)}; use delete, replace or merge`);
}

function mergeList(
  before: unknown,
  change: readonly unknown[],
  rule: ListRule | undefined,
  field: string,
): unknown[] {
  const list = Array.isArray(before) ? (before as unknown[]) : [];
  const directives = change.map((item, index) => directiveOf(item, `${field}[${String(index)}]`));
  if (rule === undefined || directives.includes("replace")) {
    return change.filter((_, index) => directives[index] === undefined).map((item) => made(item, field));
  }
  if (rule === "set") return [...list, ...change.filter((item) => !list.includes(item))];
  return change.reduce<unknown[]>(
    (items, item, index) => mergeItem(items, item, rule, `${field}[${String(index)}]`),
    list,
  );
}

function mergeItem(
  list: readonly unknown[],
  change: unknown,
  rule: Exclude<ListRule, "set">,
  field: string,
): unknown[] {
  const key = isFields(change) ? own(change, rule.key) : undefined;
  if (!isFields(change) || key === undefined)
    fail(`${field}.${rule.key}`, "is missing; it says which item is meant");
  const isMeant = (item: unknown): item is Fields => isFields(item) && own(item, rule.key) === key;
  if (own(change, DIRECTIVE) === "delete") return list.filter((item) => !isMeant(item));
  const index = list.findIndex(isMeant);
  const before = index < 0 ? {} : (list[index] as Fields);
  const merged = strategicMerge(before, change, rule.item, field);
  return index < 0 ? [...list, merged] : list.with(index, merged);
}

const made = (item: unknown, field: string): unknown =>
  isFields(item) ? strategicMerge({}, item, {}, field) : item;

function withoutDirectives(patch: Fields, field: string): Fields {
  return strategicMerge({}, { ...patch, [DIRECTIVE]: "merge" }, {}, field);
}
