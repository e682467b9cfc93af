// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";

export const BLOCK_BYTES = 512;

/** What a header block says, with the names that only it holds. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  /** The type flag; "0" for the old NUL. */
  readonly type: string;
}

// Where fields are in a block: POSIX.1-1988 ustar.
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const MAGIC = [257, 6] as const;
const PREFIX = [345, 155] as const;
const SPACE = 32;

const hostile = (message: string): ArtefactFault => new ArtefactFault("HOSTILE", message);

export const isZeroBlock = (block: Buffer): boolean => block.every((byte) => byte === 0);

/** @throws {ArtefactFault} HOSTILE for a block that is no header */
export function parseHeader(block: Buffer): TarHeader {
  if (numberAt(block, CHECKSUM) !== checksumOf(block))
    throw hostile("the archive is damaged: wrong checksum");
  const flag = block[TYPE] ?? 0;
  const isUstar = textAt(block, MAGIC).trimEnd() === "ustar";
  const prefix = isUstar && block[MAGIC[0] + 5] === 0 ? textAt(block, PREFIX) : "";
  const name = textAt(block, NAME);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: numberAt(block, MODE),
    size: numberAt(block, SIZE),
    type: flag === 0 ? "0" : String.fromCharCode(flag),
  };
}

function checksumOf(block: Buffer): number {
  const [start, length] = CHECKSUM;
  return block.reduce((sum, byte, i) => sum + (i >= start && i < start + length ? SPACE : byte), 0);
}

function textAt(block: Buffer, [start, length]: readonly [number, number]): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("utf8");
}

/** Octal digits, or GNU's base 256 for what is larger. */
function numberAt(block: Buffer, [start, length]: readonly [number, number]): number {
  const field = block.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) return base256(field);
  const digits = field.toString("latin1").replace(/^[ \0]+|[ \0]+$/g, "");
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw hostile("the archive is damaged: a number is none");
  return Number.parseInt(digits, 8);
}

function base256(field: Buffer): number {
  const [first = 0, ...rest] = field;
  // 0xff begins a negative number, which nothing here can be.
  let value = first === 0xff ? -1 : first & 0x7f;
  for (const byte of rest) value = value * 256 + byte;
  if (value < 0 || !Number.isSafeInteger(value))
    throw hostile("the archive is damaged: a number is too large");
  return value;
}
