// SPDX-License-Identifier: Apache-2.0

/** What is stored is laid over and over: each part is measured once. */
const known = new WeakMap<object, number>();

/** Bytes of a part of an object as the API server stores it, where `<`, `>` and `&` take six each. */
export function bytesOf(part: object): number {
  const before = known.get(part);
  if (before !== undefined) return before;
  const text = JSON.stringify(part);
  const bytes = 1 + Buffer.byteLength(text) + 5 * (text.match(/[<>&\u2028\u2029]/g)?.length ?? 0);
  known.set(part, bytes);
  return bytes;
}
