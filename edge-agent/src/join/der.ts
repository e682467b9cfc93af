// SPDX-License-Identifier: Apache-2.0

/** The few DER values (X.690) that a certificate request is made of. */
function value(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  if (size > 0xffff) throw new RangeError("DER value is too long");
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** SEQUENCE of these values. */
export const sequence = (...parts: readonly Buffer[]): Buffer => value(0x30, ...parts);
/** SET of these values. */
export const set = (...parts: readonly Buffer[]): Buffer => value(0x31, ...parts);
/** @param n from 0 to 127 */
export const smallInteger = (n: number): Buffer => value(0x02, Buffer.from([n]));
/** UTF8String. */
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text));
/** Whole bytes, no unused bits. */
export const bitString = (bytes: Buffer): Buffer => value(0x03, Buffer.from([0]), bytes);
/** An empty `[0] IMPLICIT SET`. */
export const noAttributes = (): Buffer => value(0xa0);

/** @param dotted e.g. `2.5.4.3` */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return value(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(n: number): number[] {
  const bytes = [n & 0x7f];
  for (let left = n >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}
