// SPDX-License-Identifier: Apache-2.0

/**
 * The shortest decimal that is the same 32-bit float: 0.1, where widening to 64 bits shows 0.10000000149011612.
 * The edge sends every number of configData as such a float.
 */
export function shortestFloat32(value: number): number {
  const float = Math.fround(value);
  if (!Number.isFinite(float)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}
