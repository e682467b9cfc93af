// SPDX-License-Identifier: Apache-2.0
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Any } from "./google/protobuf/any.gen.ts";

const prefix = "type.googleapis.com/google.protobuf.";
/** All wrappers of google.protobuf carry their value in field 1. */
const tag = (type: WireType): number => (1 << 3) | type;

/** A value of `configData` that mappers cannot be told: an object, a list, null. */
export class UnsupportedValueError extends Error {
  readonly code = "UNSUPPORTED_VALUE";
  constructor(value: unknown) {
    super(`a ${Array.isArray(value) ? "list" : typeof value} cannot be passed to a mapper`);
    this.name = "UnsupportedValueError";
  }
}

/**
 * One JSON value of `configData` as Go mappers read it: every number, integers too, is a 32-bit
 * FloatValue; then StringValue and BoolValue.
 *
 * @throws UnsupportedValueError
 */
export function toAny(value: unknown): Any {
  const writer = new BinaryWriter();
  switch (typeof value) {
    case "number":
      if (value !== 0) writer.uint32(tag(WireType.Bit32)).float(value);
      return { typeUrl: `${prefix}FloatValue`, value: Buffer.from(writer.finish()) };
    case "string":
      if (value !== "") writer.uint32(tag(WireType.LengthDelimited)).string(value);
      return { typeUrl: `${prefix}StringValue`, value: Buffer.from(writer.finish()) };
    case "boolean":
      if (value) writer.uint32(tag(WireType.Varint)).bool(true);
      return { typeUrl: `${prefix}BoolValue`, value: Buffer.from(writer.finish()) };
    default:
      throw new UnsupportedValueError(value);
  }
}

/** The JSON value of a wrapper, undefined if it is of a type that mappers do not use. */
export function fromAny({ typeUrl, value }: Any): number | string | boolean | undefined {
  const reader = new BinaryReader(value);
  const said = reader.pos < reader.len;
  if (said) reader.tag();
  switch (typeUrl) {
    case `${prefix}FloatValue`:
      return said ? reader.float() : 0;
    case `${prefix}StringValue`:
      return said ? reader.string() : "";
    case `${prefix}BoolValue`:
      return said && reader.bool();
    default:
      return undefined;
  }
}
