// SPDX-License-Identifier: Apache-2.0
// visitors.configData: where on the slave a property is, and how it is written there. Pure.
import type { Property } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

export const TABLES = ["CoilRegister", "DiscreteInputRegister", "InputRegister", "HoldingRegister"] as const;
export type Table = (typeof TABLES)[number];

/** How the content of a point is understood. */
export type Format = "bit" | "integer" | "float" | "text" | "bytes";

/** One property on a slave. */
export interface Point {
  readonly table: Table;
  /** Address as it goes over the line, from 0. */
  readonly offset: number;
  /** Registers, or bits of the coil tables. */
  readonly count: number;
  readonly format: Format;
  readonly isWhole: boolean;
  readonly isSigned: boolean;
  readonly scale: number;
  readonly isByteSwap: boolean;
  readonly isWordSwap: boolean;
  /** The bit of a register that a BOOLEAN is, 0 the lowest; undefined: the whole register. */
  readonly bit: number | undefined;
  /** Write one register or coil with the function for several. */
  readonly isWriteMultiple: boolean;
}

/** What one request may carry (Modbus Application Protocol 1.1b3, section 6), for reading and writing alike. */
const MAX_REGISTERS = 123;
const MAX_COILS = 1968;
const MAX_INTEGER_BITS = 64;
const MAX_OFFSET = 0xffff;

export const isBits = (table: Table): boolean =>
  table === "CoilRegister" || table === "DiscreteInputRegister";
export const isWritable = (table: Table): boolean => table === "CoilRegister" || table === "HoldingRegister";

/** @throws {SettingError} naming the property and the setting */
export function pointOf({ name, type, config, minimum }: Omit<Property, "writable" | "unit">): Point {
  const settings = settingsOf(config, name);
  const table = settings.oneOf("Register", TABLES);
  const offset = settings.integer("Offset", { min: 0, max: MAX_OFFSET });
  const format = formatOf(settings, type, table, name);
  const fallback = isBits(table) ? 1 : usualCount(type, format);
  const max = isBits(table) ? MAX_COILS : MAX_REGISTERS;
  const count = settings.integer("Limit", { min: 1, max, fallback });
  const fault = faultOf({ table, offset, count, format });
  if (fault !== undefined) throw new SettingError(`${name}: ${fault}`);
  return {
    table,
    offset,
    count,
    format,
    isWhole: type === "INT",
    isSigned: settings.flag("Signed", minimum !== undefined && minimum < 0),
    scale: scaleOf(settings, name),
    isByteSwap: settings.flag("IsSwap", false),
    isWordSwap: settings.flag("IsRegisterSwap", false),
    bit: format === "bit" ? bitOf(settings, table, name) : undefined,
    isWriteMultiple: settings.flag("WriteMultiple", false),
  };
}

function formatOf(settings: Settings, type: Property["type"], table: Table, name: string): Format {
  if (type === "BOOLEAN") return "bit";
  if (type === "BYTES") return "bytes";
  if (type === "STRING") {
    if (isBits(table)) throw new SettingError(`${name}: a STRING is in registers, not in ${table}`);
    return "text";
  }
  if (isBits(table)) return "integer";
  // A single register is too short for a floating-point number: what it holds is an integer, to be scaled.
  const isFloat = type !== "INT" && settings.text("Limit") !== "1";
  return settings.oneOf("Format", ["integer", "float"], isFloat ? "float" : "integer");
}

function bitOf(settings: Settings, table: Table, name: string): number | undefined {
  if (!settings.has("Bit")) return undefined;
  if (isBits(table)) throw new SettingError(`${name}: Bit is of a register, and a coil is one bit`);
  return settings.integer("Bit", { min: 0, max: 15 });
}

function usualCount(type: Property["type"], format: Format): number {
  if (format !== "float") return 1;
  return type === "DOUBLE" ? 4 : 2;
}

function scaleOf(settings: Settings, name: string): number {
  const scale = settings.number("Scale", 1);
  // KubeEdge's samples leave a scale at 0 where none is meant to be.
  if (scale < 0) throw new SettingError(`${name}: Scale must be above 0`);
  return scale === 0 ? 1 : scale;
}

function faultOf({ table, offset, count, format }: Pick<Point, "table" | "offset" | "count" | "format">) {
  if (offset + count > MAX_OFFSET + 1) return "Offset and Limit end behind the last address, 65535";
  const integerMax = isBits(table) ? MAX_INTEGER_BITS : MAX_INTEGER_BITS / 16;
  if (format === "integer" && count > integerMax) return `Limit of a number is at most ${integerMax}`;
  if (format === "float" && count !== 2 && count !== 4) return "Limit of a floating-point number is 2 or 4";
  return format === "bit" && count > 1 ? "Limit of a BOOLEAN is 1" : undefined;
}
