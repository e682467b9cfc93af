// SPDX-License-Identifier: Apache-2.0
// Registers and bits as values, and back. Pure.
import type { Value } from "@longshore/mapper";
import { ModbusError } from "./errors.ts";
import { isBits, type Point } from "./point.ts";

/** Content of registers (0 to 65535 each), or of coils (0 or 1 each), in the order of their addresses. */
export type Cells = readonly number[];

const unfit = (why: string): ModbusError => new ModbusError("VALUE_UNFIT", why);

/** @throws {ModbusError} VALUE_UNFIT when the cells hold no value of the point's format */
export function decode(cells: Cells, point: Point): Value {
  if (cells.length !== point.count) throw unfit(`${cells.length} cells came where ${point.count} were asked`);
  switch (point.format) {
    case "bit":
      return point.bit === undefined ? cells[0] !== 0 : (((cells[0] ?? 0) >> point.bit) & 1) === 1;
    case "integer":
      return scaledInteger(integerOf(cells, point), point);
    case "float":
      return scaledFloat(bytesOf(cells, point), point);
    case "text":
      return bytesOf(cells, point).toString("utf8").replace(/\0+$/, "");
    case "bytes":
      return Uint8Array.from(bytesOf(cells, point));
  }
}

/**
 * @param before what the register holds now; needed where `point.bit` is set, so that its other bits stay
 * @throws {ModbusError} VALUE_UNFIT
 */
export function encode(value: Value, point: Point, before: Cells = []): Cells {
  switch (point.format) {
    case "bit":
      return [bitCell(value, point, before)];
    case "integer":
      return cellsOfInteger(rawOf(value, point), point);
    case "float":
      return cellsOf(floatBytes(Number(value) / point.scale, point.count), point);
    case "text":
      return cellsOf(padded(Buffer.from(String(value), "utf8"), point), point);
    case "bytes":
      if (!(value instanceof Uint8Array)) throw unfit("bytes are wanted");
      return cellsOf(padded(Buffer.from(value), point), point);
  }
}

function bitCell(value: Value, { bit }: Point, before: Cells): number {
  const isOn = value === true || value === 1;
  if (bit === undefined) return isOn ? 1 : 0;
  const [register] = before;
  if (register === undefined) throw unfit("what the register holds is not known");
  return isOn ? register | (1 << bit) : register & ~(1 << bit) & 0xffff;
}

/** Coils are an integer with the first one as its lowest bit; registers have the most significant one first. */
function integerOf(cells: Cells, point: Point): bigint {
  if (isBits(point.table)) return cells.reduceRight((sum, bit) => (sum << 1n) | BigInt(bit), 0n);
  const raw = bytesOf(cells, point).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return point.isSigned ? BigInt.asIntN(point.count * 16, raw) : raw;
}

function cellsOfInteger(raw: bigint, point: Point): Cells {
  const bits = isBits(point.table) ? point.count : point.count * 16;
  const isSigned = point.isSigned && !isBits(point.table);
  const cut = isSigned ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
  if (cut !== raw) throw unfit(`it does not fit into ${bits} bits, ${isSigned ? "signed" : "unsigned"}`);
  if (isBits(point.table)) return Array.from({ length: bits }, (_, i) => Number((raw >> BigInt(i)) & 1n));
  const bytes = Buffer.alloc(point.count * 2);
  bytes.forEach((_, i) => {
    bytes[bytes.length - 1 - i] = Number((raw >> BigInt(8 * i)) & 0xffn);
  });
  return cellsOf(bytes, point);
}

function scaledInteger(raw: bigint, { scale, isWhole }: Point): number | bigint {
  if (scale === 1) return Number.isSafeInteger(Number(raw)) ? Number(raw) : raw;
  return scaled(Number(raw), scale, isWhole);
}

function rawOf(value: Value, { scale }: Point): bigint {
  if (typeof value === "bigint" && scale === 1) return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  const raw = Math.round(Number(value) / scale);
  if (!Number.isFinite(raw)) throw unfit("a number is wanted");
  return BigInt(raw);
}

/** 3 × 0.1 is 0.3: what the multiplication adds behind the 15th digit is not of the device. */
function scaled(raw: number, scale: number, isWhole: boolean): number {
  const value = scale === 1 ? raw : Number((raw * scale).toPrecision(15));
  return isWhole ? Math.round(value) : value;
}

function scaledFloat(bytes: Buffer, { count, scale, isWhole }: Point): number {
  const raw = count === 2 ? shortest(bytes.readFloatBE()) : bytes.readDoubleBE();
  if (!Number.isFinite(raw)) throw unfit("the registers hold no finite number");
  return scaled(raw, scale, isWhole);
}

/** The shortest decimal that is the same 32-bit number: 0.1, not 0.10000000149011612. */
function shortest(float: number): number {
  const digits = [6, 7, 8].find((length) => Math.fround(Number(float.toPrecision(length))) === float);
  return digits === undefined ? float : Number(float.toPrecision(digits));
}

function floatBytes(value: number, count: number): Buffer {
  if (!Number.isFinite(count === 2 ? Math.fround(value) : value)) throw unfit(`beyond ${count * 16} bits`);
  const bytes = Buffer.alloc(count * 2);
  if (count === 2) bytes.writeFloatBE(value);
  else bytes.writeDoubleBE(value);
  return bytes;
}

function padded(bytes: Buffer, { count, table }: Point): Buffer {
  const size = isBits(table) ? Math.ceil(count / 8) : count * 2;
  if (bytes.length > size) throw unfit(`${bytes.length} bytes do not fit into ${size}`);
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);
}

function bytesOf(cells: Cells, point: Point): Buffer {
  if (isBits(point.table)) {
    const bytes = Buffer.alloc(Math.ceil(cells.length / 8));
    cells.forEach((bit, i) => {
      bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (i & 7));
    });
    return bytes;
  }
  const bytes = Buffer.alloc(cells.length * 2);
  (point.isWordSwap ? cells.toReversed() : cells).forEach((word, i) => bytes.writeUInt16BE(word, i * 2));
  return point.isByteSwap ? bytes.swap16() : bytes;
}

function cellsOf(bytes: Buffer, { table, count, isByteSwap, isWordSwap }: Point): Cells {
  if (isBits(table)) {
    const bits = Array.from({ length: bytes.length * 8 }, (_, i) => ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1);
    if (bits.slice(count).includes(1)) throw unfit(`a bit beyond the ${count} coils is set`);
    return bits.slice(0, count);
  }
  const swapped = isByteSwap ? Buffer.from(bytes).swap16() : bytes;
  const words = Array.from({ length: count }, (_, i) => swapped.readUInt16BE(i * 2));
  return isWordSwap ? words.toReversed() : words;
}
