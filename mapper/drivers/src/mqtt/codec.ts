// SPDX-License-Identifier: Apache-2.0
// Messages as values, and values as commands. Pure.
import type { Value } from "@longshore/mapper";
import { MqttError } from "./errors.ts";
import type { Point } from "./point.ts";

const unfit = (why: string): MqttError => new MqttError("VALUE_UNFIT", why);

/** @throws {MqttError} VALUE_UNFIT */
export function decode(payload: Buffer, { type, path, words }: Point): Value {
  if (path === undefined) {
    if (type === "BYTES") return Uint8Array.from(payload);
    const text = payload.toString("utf8");
    return type === "BOOLEAN" ? booleanOf(text, words) : text;
  }
  const found = within(parse(payload), path);
  if (found === undefined || found === null) throw unfit("the message has nothing at that path");
  if (type === "BOOLEAN") return typeof found === "boolean" ? found : booleanOf(textOf(found), words);
  return typeof found === "number" ? found : textOf(found);
}

/** What goes to the command topic. */
export function encode(value: Value, { type, commandPath, words }: Point): Buffer {
  const said = type === "BOOLEAN" ? (value === true ? words.yes : words.no) : value;
  if (commandPath === undefined)
    return said instanceof Uint8Array ? Buffer.from(said) : Buffer.from(String(said));
  // Only where other words are set, a boolean is one of them; else JSON has its own.
  const isOwn = type === "BOOLEAN" && words.yes === "true" && words.no === "false";
  const leaf = jsonOf(isOwn ? value : said);
  return Buffer.from(
    JSON.stringify(commandPath.reduceRight<unknown>((inner, key) => ({ [key]: inner }), leaf)),
  );
}

/** A number that JSON's readers would round goes as text. */
function jsonOf(value: Value): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return typeof value === "bigint" ? String(value) : value;
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    throw unfit("the message is no JSON"); // the parser's own words quote the message
  }
}

function within(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  );
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const SAID: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  1: true,
  false: false,
  off: false,
  0: false,
};

function booleanOf(text: string, { yes, no }: Point["words"]): boolean {
  const said = text.trim().toLowerCase();
  if (said === yes.toLowerCase()) return true;
  if (said === no.toLowerCase()) return false;
  const known = Object.hasOwn(SAID, said) ? SAID[said] : undefined;
  if (known === undefined) throw unfit(`the message says neither ${yes} nor ${no}`);
  return known;
}
