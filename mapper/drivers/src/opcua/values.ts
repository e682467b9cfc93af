// SPDX-License-Identifier: Apache-2.0
// Values of OPC UA's built-in types, to and from what a property holds. Pure.
import type { PropertyType, Value } from "@longshore/mapper";
import {
  coerceNodeId,
  DataType,
  VariantArrayType,
  type StatusCode,
  type Variant,
  type VariantOptions,
} from "node-opcua-client";
import { OpcuaError } from "./errors.ts";

/**
 * A reading as a property of this type takes it; the SDK checks the rest.
 *
 * @throws {OpcuaError} VALUE when the node has no value, an array, or a structure
 */
export function valueOf({ dataType, arrayType, value }: Variant, type: PropertyType): Value {
  if (arrayType !== VariantArrayType.Scalar) throw new OpcuaError("VALUE", "the node holds an array");
  const read = READERS[dataType];
  if (!read) throw new OpcuaError("VALUE", `the node holds ${nameOf(dataType)}`);
  const scalar = read(value as unknown);
  if (scalar instanceof Uint8Array && type === "STRING") return Buffer.from(scalar).toString("utf8");
  return typeof scalar === "boolean" && type === "INT" ? Number(scalar) : scalar;
}

const nameOf = (type: DataType): string =>
  type === DataType.Null ? "no value" : `a value of type ${DataType[type]}`;

type Reader = (raw: unknown) => Value;

const asNumber: Reader = (raw) => Number(raw);
const asText: Reader = (raw) =>
  raw === null || raw === undefined ? "" : (raw as { toString(): string }).toString();
const textIn =
  (key: "text" | "name"): Reader =>
  (raw) => {
    const found: unknown = typeof raw === "object" && raw !== null ? Reflect.get(raw, key) : undefined;
    return typeof found === "string" ? found : "";
  };

const READERS: Partial<Record<DataType, Reader>> = {
  [DataType.Boolean]: (raw) => raw === true,
  [DataType.SByte]: asNumber,
  [DataType.Byte]: asNumber,
  [DataType.Int16]: asNumber,
  [DataType.UInt16]: asNumber,
  [DataType.Int32]: asNumber,
  [DataType.UInt32]: asNumber,
  [DataType.Int64]: (raw) => BigInt.asIntN(64, wordsToBig(raw)),
  [DataType.UInt64]: (raw) => wordsToBig(raw),
  [DataType.Float]: asNumber,
  [DataType.Double]: asNumber,
  [DataType.String]: asText,
  [DataType.XmlElement]: asText,
  [DataType.Guid]: asText,
  [DataType.NodeId]: asText,
  [DataType.ExpandedNodeId]: asText,
  [DataType.DateTime]: (raw) => (raw instanceof Date ? raw.toISOString() : ""),
  [DataType.ByteString]: (raw) => (raw instanceof Uint8Array ? raw : new Uint8Array()),
  [DataType.StatusCode]: textIn("name"),
  [DataType.QualifiedName]: textIn("name"),
  [DataType.LocalizedText]: textIn("text"),
};

/** The library holds 64 bits as two words, the higher first. */
function wordsToBig(raw: unknown): bigint {
  const [high = 0, low = 0] = Array.isArray(raw) ? raw.map(Number) : [];
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/**
 * A desired value as a node of this type takes it.
 *
 * @throws {OpcuaError} VALUE when it does not fit
 */
export function variantOf(value: Value, dataType: DataType): VariantOptions {
  const write = WRITERS[dataType];
  if (!write) throw new OpcuaError("VALUE", `a node of type ${DataType[dataType]} cannot be written`);
  return { dataType, arrayType: VariantArrayType.Scalar, value: write(value) };
}

type Writer = (value: Value) => unknown;

const unfit = (what: string): OpcuaError =>
  new OpcuaError("VALUE", `the value does not fit a node of type ${what}`);

function bits(name: string, count: number, isSigned: boolean): (value: Value) => bigint {
  const top = 2n ** BigInt(isSigned ? count - 1 : count);
  return (value) => {
    const whole = wholeOf(value);
    if (whole === undefined || whole >= top || whole < (isSigned ? -top : 0n)) throw unfit(name);
    return whole;
  };
}

function wholeOf(value: Value): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^[+-]?\d{1,20}$/.test(value)
    ? BigInt(value.replace("+", ""))
    : undefined;
}

const integer = (name: string, count: number, isSigned: boolean): Writer => {
  const fit = bits(name, count, isSigned);
  return (value) => Number(fit(value));
};

const wide = (name: string, isSigned: boolean): Writer => {
  const fit = bits(name, 64, isSigned);
  return (value) => {
    const unsigned = BigInt.asUintN(64, fit(value));
    return [Number(unsigned >> 32n), Number(unsigned & 0xffff_ffffn)];
  };
};

const real = (name: string, limit: (value: number) => number): Writer => {
  return (value) => {
    if (typeof value === "boolean" || value instanceof Uint8Array || value === "") throw unfit(name);
    const number = limit(Number(value));
    if (!Number.isFinite(number)) throw unfit(name);
    return number;
  };
};

const text = (name: string, pattern = /^/): ((value: Value) => string) => {
  return (value) => {
    if (value instanceof Uint8Array || !pattern.test(String(value))) throw unfit(name);
    return String(value);
  };
};

const GUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const NODE_ID = /^(ns=\d{1,5};)?[isgb]=.+$/;

const WRITERS: Partial<Record<DataType, Writer>> = {
  [DataType.Boolean]: (value) => {
    const said = String(value).toLowerCase();
    if (["true", "1"].includes(said)) return true;
    if (["false", "0"].includes(said)) return false;
    throw unfit("Boolean");
  },
  [DataType.SByte]: integer("SByte", 8, true),
  [DataType.Byte]: integer("Byte", 8, false),
  [DataType.Int16]: integer("Int16", 16, true),
  [DataType.UInt16]: integer("UInt16", 16, false),
  [DataType.Int32]: integer("Int32", 32, true),
  [DataType.UInt32]: integer("UInt32", 32, false),
  [DataType.Int64]: wide("Int64", true),
  [DataType.UInt64]: wide("UInt64", false),
  [DataType.Float]: real("Float", Math.fround),
  [DataType.Double]: real("Double", (value) => value),
  [DataType.String]: text("String"),
  [DataType.XmlElement]: text("XmlElement"),
  [DataType.Guid]: text("Guid", GUID),
  [DataType.NodeId]: (value) => coerceNodeId(text("NodeId", NODE_ID)(value)),
  [DataType.DateTime]: (value) => {
    const date = new Date(text("DateTime", /^\d{4}-\d\d-\d\d/)(value));
    if (Number.isNaN(date.getTime())) throw unfit("DateTime");
    return date;
  },
  [DataType.ByteString]: (value) =>
    value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(text("ByteString")(value)),
  [DataType.LocalizedText]: (value) => ({ text: text("LocalizedText")(value) }),
  [DataType.QualifiedName]: (value) => ({ name: text("QualifiedName")(value) }),
};

/**
 * A status of a read or write. Uncertain values are taken: the server gives one and doubts it.
 *
 * @throws {OpcuaError} STATUS with the status' name
 */
export function checkStatus(status: StatusCode, nodeId: string): void {
  if (status.isBad()) throw new OpcuaError("STATUS", `${nodeId}: ${status.name}`);
}
