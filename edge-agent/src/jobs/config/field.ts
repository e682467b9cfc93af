// SPDX-License-Identifier: Apache-2.0
import { SCHEMA, type Field, type Section } from "../../config/index.ts";
import { isChangeable } from "./changeable.ts";
import type { Path } from "./key.ts";

/** A setting of the schema and what of it is meant. */
export interface Target {
  readonly field: Field<unknown>;
  /** Of the setting. */
  readonly at: readonly string[];
  /** Within it: a place in a list, the key of a label; nothing for the setting itself. */
  readonly within: Path;
}

/** A value as the file is to have it. */
export type Scalar = string | number | boolean;

/** Finds what a key means. @returns the fault, for people, where a job may not set it */
export function findTarget(path: Path, schema: Section = SCHEMA): Target | { readonly fault: string } {
  let member: Field<unknown> | Section = schema;
  let depth = 0;
  while (member.kind === "section") {
    const name: string | number | undefined = path[depth++];
    if (name === undefined) return { fault: "is a section: name one of its settings" };
    if (typeof name === "number") return { fault: "is no list" };
    if (member.ignored.includes(name))
      return { fault: "is a setting of KubeEdge that this agent does not use: to change it has no effect" };
    if (!Object.hasOwn(member.fields, name)) return { fault: "is not a setting of this agent" };
    member = member.fields[name] as Field<unknown> | Section;
  }
  const at = path.slice(0, depth) as string[];
  if (!isChangeable(at)) return { fault: "is not for a job to change: change it on the node itself" };
  const within = path.slice(depth);
  const fault = withinFault(member, within);
  return fault === undefined ? { field: member, at, within } : { fault };
}

const PARTS_OF_ITEM: readonly unknown[] = ["key", "value", "effect"];

function withinFault({ fallback }: Field<unknown>, within: Path): string | undefined {
  if (Array.isArray(fallback))
    return isInList(within) ? undefined : "is a list: give the place in it, as in list[0]";
  if (typeof fallback === "object" && fallback !== null)
    return isKey(within) ? undefined : "is a mapping: name one key of it, with \\. for each dot in it";
  return within.length === 0 ? undefined : "is one value: there is nothing within it";
}

const isInList = ([place, part, ...more]: Path): boolean =>
  typeof place === "number" && (part === undefined || PARTS_OF_ITEM.includes(part)) && more.length === 0;

const isKey = ([key, ...more]: Path): boolean => typeof key === "string" && more.length === 0;

const WHOLE_NUMBER = /^(?:0|-?[1-9]\d{0,14})$/;

/**
 * Reads a text as the setting's type: true or false, a whole number, or a text as it stands. A part of a list or a
 * mapping is a text.
 */
export function typedValue(
  { field, within }: Target,
  text: string,
): { readonly ok: Scalar } | { readonly fault: string } {
  if (within.length > 0) return { ok: text };
  const asText = field.check({ value: text, plain: undefined });
  if ("ok" in asText) return { ok: text };
  const typed = plainValue(text);
  const checked = field.check({ value: typed, plain: text });
  return "ok" in checked ? { ok: typed } : checked;
}

function plainValue(text: string): Scalar {
  if (text === "true" || text === "false") return text === "true";
  return WHOLE_NUMBER.test(text) ? Number(text) : text;
}
