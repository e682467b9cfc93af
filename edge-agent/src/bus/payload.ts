// SPDX-License-Identifier: Apache-2.0
import { parseObject, WireError } from "@longshore/crds/wire";
import type { BusValue } from "./port.ts";

/** KubeEdge's codes of a refused request. */
export type BusCode = 400 | 404 | 409 | 500;

/** A request that is answered with a code and a reason. */
export class BusFault extends Error {
  override readonly name = "BusFault";
  readonly code: BusCode;
  /** The payload could not be read at all. */
  readonly isMalformed: boolean;
  constructor(code: BusCode, message: string, isMalformed = false) {
    super(message);
    this.code = code;
    this.isMalformed = isMalformed;
  }
}

/** What a client says of one property. */
export interface AskedTwin {
  readonly expected?: BusValue;
  readonly actual?: BusValue;
  /** `string`, `int`, `float` or `boolean`, where the client names one */
  readonly type?: string;
}

/** The body of `…/twin/update`. */
export interface TwinUpdate {
  readonly eventId: string;
  readonly twins: ReadonlyMap<string, AskedTwin>;
}

type Fields = Readonly<Record<string, unknown>>;

const LIMITS = { depth: 16, keys: 4_096, keyBytes: 1_024 };
const MAX_TWINS = 1_000;
const MAX_EVENT_ID_CHARS = 128;
const KEY = /^[a-zA-Z0-9\-_.,:/@#]{1,128}$/;
const VALUE = /^[a-zA-Z0-9\-_.,:/@#]{1,512}$/;
const TYPES: Readonly<Record<string, string>> = {
  string: "string",
  int: "int",
  integer: "int",
  float: "float",
  boolean: "boolean",
};
const OF_TYPE: Readonly<Record<string, (value: string) => boolean>> = {
  int: (value) => /^[+-]?\d{1,19}$/.test(value),
  float: (value) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value) && Number.isFinite(Number(value)),
  boolean: (value) => value === "true" || value === "false",
};

const bad = (reason: string): BusFault => new BusFault(400, reason);

/** True where the value is one of the type; types that are not known take every value. */
export const isOfType = (type: string, value: string): boolean => OF_TYPE[type]?.(value) ?? true;

/**
 * One JSON object, of bounded depth, with no key that reaches a prototype.
 *
 * @throws {BusFault} 400, malformed
 */
export function readObject(payload: Buffer): Fields {
  try {
    return parseObject(payload, LIMITS);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new BusFault(400, error.message, true);
  }
}

/** @throws {BusFault} 400 */
export function eventIdOf(fields: Fields): string {
  const { event_id: id = "" } = fields;
  if (typeof id !== "string" || id.length > MAX_EVENT_ID_CHARS)
    throw bad(`event_id must be a text of at most ${MAX_EVENT_ID_CHARS} characters`);
  return id;
}

/** @throws {BusFault} 400 */
export function readState(fields: Fields): string {
  const { state } = fields;
  if (typeof state !== "string") throw bad("state must be a text");
  return state;
}

/** @throws {BusFault} 400 */
export function readTwinUpdate(fields: Fields, nowMs: number): TwinUpdate {
  const twin = asFields(fields["twin"], "twin");
  const entries = Object.entries(twin);
  if (entries.length === 0) throw bad("twin is empty");
  if (entries.length > MAX_TWINS) throw bad(`twin has more than ${MAX_TWINS} properties`);
  const twins = new Map(entries.map(([key, value]) => [readKey(key), readTwin(value, key, nowMs)]));
  return { eventId: eventIdOf(fields), twins };
}

function readKey(key: string): string {
  if (!KEY.test(key))
    throw bad("the name of a property has 1 to 128 characters of a-z A-Z 0-9 - _ . , : / @ #");
  return key;
}

function readTwin(value: unknown, key: string, nowMs: number): AskedTwin {
  const fields = asFields(value, key);
  const type = readType(fields["metadata"], key);
  const expected = readValue(fields["expected"], `${key}.expected`, nowMs);
  const actual = readValue(fields["actual"], `${key}.actual`, nowMs);
  if (expected === undefined && actual === undefined) throw bad(`${key} has neither expected nor actual`);
  return { ...(expected && { expected }), ...(actual && { actual }), ...(type !== undefined && { type }) };
}

function readType(metadata: unknown, key: string): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  const { type } = asFields(metadata, `${key}.metadata`);
  if (type === undefined || type === "") return undefined;
  if (type === "deleted") throw bad(`${key}: a property is removed in the Device, not by MQTT`);
  const known = typeof type === "string" ? TYPES[type] : undefined;
  if (known === undefined) throw bad(`${key}: the type must be string, int, integer, float or boolean`);
  return known;
}

function readValue(given: unknown, field: string, nowMs: number): BusValue | undefined {
  if (given === undefined || given === null) return undefined;
  const { value, metadata } = asFields(given, field);
  if (typeof value !== "string" || !VALUE.test(value))
    throw bad(`${field}.value must be a text of 1 to 512 characters of a-z A-Z 0-9 - _ . , : / @ #`);
  const stampedMs = readTime(metadata, field);
  return stampedMs === undefined
    ? { value, timestampMs: nowMs }
    : { value, timestampMs: stampedMs, isStamped: true };
}

function readTime(metadata: unknown, field: string): number | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  const { timestamp } = asFields(metadata, `${field}.metadata`);
  if (timestamp === undefined || timestamp === 0) return undefined;
  if (!Number.isSafeInteger(timestamp) || Number(timestamp) < 0)
    throw bad(`${field}.metadata.timestamp must be milliseconds since 1970`);
  return Number(timestamp);
}

function asFields(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw bad(`${name.slice(0, 160)} must be an object`);
  return value as Fields;
}
