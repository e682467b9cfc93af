// SPDX-License-Identifier: Apache-2.0
import { TunnelMessageError } from "./errors.ts";

/** Go writes a uint64 in at most this many bytes. */
export const MAX_UVARINT_BYTES = 10;

/** As Go's binary.PutUvarint: seven bits a byte, the lowest first. @param value a safe whole number, >= 0 */
export function encodeUvarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/**
 * As Go's binary.ReadUvarint.
 *
 * @returns the value and where the next byte is
 * @throws {TunnelMessageError} MALFORMED when it does not end, or is beyond 2^53 - 1
 */
export function decodeUvarint(bytes: Uint8Array, offset: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < MAX_UVARINT_BYTES; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (!Number.isSafeInteger(value)) break;
    if (byte < 0x80) return { value, next: offset + i + 1 };
  }
  throw new TunnelMessageError("MALFORMED", "the number is cut off or too great");
}
