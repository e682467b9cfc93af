// SPDX-License-Identifier: Apache-2.0
import { parseObject, WireError } from "@longshore/crds/wire";
import { bad } from "./refusal.ts";

/** Untrusted JSON object of an edge. Read with the functions below only. */
export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The content as an object, whether it travelled as one or as a string with JSON in it.
 *
 * @throws {UplinkRefusal} BAD
 */
export function objectOf(content: unknown): Fields {
  if (isFields(content)) return content;
  if (typeof content !== "string") throw bad("the content is no object");
  try {
    return parseObject(content);
  } catch (error) {
    if (error instanceof WireError) throw bad(`the content is refused: ${error.code}`);
    throw error;
  }
}

/** The object under `key`, or an empty one. */
export function fieldsAt(fields: Fields, key: string): Fields {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  return isFields(value) ? value : {};
}

/** The text under `key`, "" counting as none. */
export function textAt(fields: Fields, key: string): string | undefined {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Only these keys of an object, where they are set. */
export function pick(fields: Fields, keys: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (value !== undefined && value !== null) picked[key] = value;
  }
  return picked;
}

/** Only the entries whose value is a text. */
export function textMap(fields: Fields): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) if (typeof value === "string") texts[key] = value;
  return texts;
}
