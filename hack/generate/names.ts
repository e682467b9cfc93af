// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { KindVersion, Schema } from "./manifests.ts";

/** Named schemas of one group and version. */
export type Definitions = Record<string, Schema>;

/**
 * The schema of a kind in which parts worth a name (spec, status, items of lists, label selectors) are
 * references to `definitions`, which grows. Equal parts share a name. `taken` holds the kinds' own names.
 */
export function nameParts(kind: KindVersion, taken: ReadonlySet<string>, definitions: Definitions): Schema {
  const naming = { kind: kind.kind, taken, definitions };
  return properties(kind.schema, [], naming);
}

type Naming = { kind: string; taken: ReadonlySet<string>; definitions: Definitions };

function part(schema: Schema, path: string[], naming: Naming): Schema {
  if (path.join(".") === "status.conditions") return { ...withoutShape(schema), tsType: "Condition[]" };
  const inside = properties(schema, path, naming);
  const name = nameOf(inside, path, naming);
  if (name === undefined) return inside;
  const { description, ...shape } = inside;
  const reference = `#/definitions/${define(name, shape, path, naming)}`;
  return description === undefined ? { $ref: reference } : { description, allOf: [{ $ref: reference }] };
}

function properties(schema: Schema, path: string[], naming: Naming): Schema {
  const copy: Schema = { ...schema };
  if (schema.properties) {
    const parts = Object.entries(schema.properties).map(([name, child]) => [
      name,
      part(child, [...path, name], naming),
    ]);
    copy.properties = Object.fromEntries(parts) as Record<string, Schema>;
  }
  if (schema.items) copy.items = part(schema.items, [...path, "[]"], naming);
  return copy;
}

/** Parts that are named for what they are, wherever they stand. */
const NAMED_BY_FIELD: Readonly<Record<string, (kind: string, section: string) => string>> = {
  labelSelector: () => "LabelSelector",
  breakGlass: () => "BreakGlass",
  overriders: (kind) => `${kind}Overriders`,
  rollout: (kind, section) => (section === "status" ? `${kind}RolloutStatus` : `${kind}Rollout`),
};

function nameOf(schema: Schema, path: string[], { kind, taken }: Naming): string | undefined {
  if (Object.keys(schema.properties ?? {}).length === 0) return undefined;
  const [section = ""] = path;
  const last = path.at(-1) ?? "";
  const named = NAMED_BY_FIELD[last];
  if (named !== undefined) return named(kind, section);
  if (last === "[]")
    return itemName(
      kind,
      path.filter((step) => step !== "[]"),
    );
  const name = `${kind}${pascal(last)}`;
  return path.length === 1 && !taken.has(name) ? name : undefined;
}

function itemName(kind: string, fields: string[]): string {
  const [field = "", parent = ""] = fields.toReversed();
  if (field === "matchExpressions") return "LabelRequirement";
  // A field called value says nothing by itself.
  return `${kind}${field === "value" ? pascal(singular(parent)) : ""}${pascal(singular(field))}`;
}

/** Enters a definition; another one of the same name makes this one's name longer by its parent's. */
function define(name: string, shape: Schema, path: string[], { kind, taken, definitions }: Naming): string {
  const parents = path.filter((step) => step !== "[]").slice(0, -1);
  const longer = `${kind}${pascal(singular(parents.at(-1) ?? ""))}${name.slice(kind.length)}`;
  const reserved = [`${kind}Spec`, `${kind}Status`];
  for (const candidate of [name, longer]) {
    if (taken.has(candidate) || (path.length > 1 && reserved.includes(candidate))) continue;
    const known = definitions[candidate];
    if (known === undefined) definitions[candidate] = shape;
    if (known === undefined || isDeepStrictEqual(known, shape)) return candidate;
  }
  throw new Error(`${kind}: no free name for ${path.join(".")}`);
}

function withoutShape(schema: Schema): Schema {
  return schema.description === undefined ? {} : { description: schema.description };
}

function singular(word: string): string {
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (/(?:us|ch)es$/u.test(word)) return word.slice(0, -2);
  return word.endsWith("s") && !word.endsWith("us") ? word.slice(0, -1) : word;
}

function pascal(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
