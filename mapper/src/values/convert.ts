// SPDX-License-Identifier: Apache-2.0
// Values between a driver and the text that twins carry, by the type and range of the model.
import type { Property, PropertyType, Value } from "../driver.ts";
import { MapperError } from "../errors.ts";
import { shortestFloat32 } from "./float32.ts";

const INTEGER = /^[+-]?\d{1,19}$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

const wrong = (type: string, why: string): MapperError =>
  new MapperError("VALUE_INVALID", `not a value of type ${type}: ${why}`);

type Range = Pick<Property, "minimum" | "maximum">;

/** Whether a number lies in the model's range; what is no number always does. */
export function isInRange(value: Value, { minimum, maximum }: Range): boolean {
  if (typeof value !== "number" && typeof value !== "bigint") return true;
  return !(minimum !== undefined && value < minimum) && !(maximum !== undefined && value > maximum);
}

/**
 * A desired value for the driver.
 *
 * @throws {MapperError} VALUE_INVALID when it is not of the property's type, or out of its range
 */
export function parseDesired(text: string, property: Pick<Property, "type" | "minimum" | "maximum">): Value {
  const value = PARSERS[property.type](text.trim(), text);
  if (!isInRange(value, property)) {
    throw wrong(property.type, `out of range ${property.minimum ?? "-∞"} to ${property.maximum ?? "∞"}`);
  }
  return value;
}

const PARSERS: Readonly<Record<PropertyType, (trimmed: string, text: string) => Value>> = {
  INT: (text) => {
    if (!INTEGER.test(text)) throw wrong("INT", "no integer");
    return toInteger(BigInt(text.replace(/^\+/, "")));
  },
  FLOAT: (text) => float32(decimal("FLOAT", text)),
  DOUBLE: (text) => decimal("DOUBLE", text),
  BOOLEAN: (text) => {
    const said = text.toLowerCase();
    if (said !== "true" && said !== "false") throw wrong("BOOLEAN", "neither true nor false");
    return said === "true";
  },
  STRING: (_, text) => text,
  BYTES: (text) => {
    if (!BASE64.test(text)) throw wrong("BYTES", "not base64");
    return Buffer.from(text, "base64");
  },
};

function toInteger(value: bigint): number | bigint {
  if (value < MIN_INT64 || value > MAX_INT64) throw wrong("INT", "more than 64 bits");
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function decimal(type: PropertyType, text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw wrong(type, "no finite number");
  return value;
}

function float32(value: number): number {
  if (!Number.isFinite(Math.fround(value))) throw wrong("FLOAT", "beyond 32 bits");
  return shortestFloat32(value);
}

/**
 * A reading as twins carry it; BYTES become base64.
 *
 * @returns the text, and the value that it stands for
 * @throws {MapperError} VALUE_INVALID when the driver returned something else than the type says
 */
export function formatReading(raw: unknown, type: PropertyType): { text: string; value: Value } {
  const value = READERS[type](raw);
  return { text: value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value), value };
}

const READERS: Readonly<Record<PropertyType, (raw: unknown) => Value>> = {
  INT: (raw) => {
    if (typeof raw === "bigint") return toInteger(raw);
    if (typeof raw === "number" && Number.isSafeInteger(raw)) return raw === 0 ? 0 : raw;
    if (typeof raw === "string") return PARSERS.INT(raw.trim(), raw);
    throw wrong("INT", `the driver returned ${described(raw)}`);
  },
  FLOAT: (raw) => float32(finite("FLOAT", raw)),
  DOUBLE: (raw) => finite("DOUBLE", raw),
  BOOLEAN: (raw) => {
    if (typeof raw === "boolean") return raw;
    if (raw === 0 || raw === 1) return raw === 1;
    if (typeof raw === "string") return PARSERS.BOOLEAN(raw.trim(), raw);
    throw wrong("BOOLEAN", `the driver returned ${described(raw)}`);
  },
  STRING: (raw) => {
    if (typeof raw === "string") return raw;
    if (typeof raw === "number" || typeof raw === "bigint" || typeof raw === "boolean") return String(raw);
    throw wrong("STRING", `the driver returned ${described(raw)}`);
  },
  BYTES: (raw) => {
    if (raw instanceof Uint8Array) return raw;
    if (typeof raw === "string") return Buffer.from(raw);
    throw wrong("BYTES", `the driver returned ${described(raw)}`);
  },
};

function finite(type: PropertyType, raw: unknown): number {
  const number = typeof raw === "bigint" ? Number(raw) : raw;
  if (typeof number === "number" && Number.isFinite(number)) return number === 0 ? 0 : number;
  if (typeof raw === "string") return decimal(type, raw.trim());
  throw wrong(type, `the driver returned ${described(raw)}`);
}

const described = (raw: unknown): string =>
  typeof raw === "number" ? "a number with a fraction, or none" : `a value of JavaScript type ${typeof raw}`;

/** The type in a report's metadata, in the words that KubeEdge's twins know. */
export const TWIN_TYPES: Readonly<Record<PropertyType, string>> = {
  INT: "int",
  FLOAT: "float",
  DOUBLE: "float",
  STRING: "string",
  BOOLEAN: "boolean",
  BYTES: "string",
};
