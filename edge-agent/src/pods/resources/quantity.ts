// SPDX-License-Identifier: Apache-2.0

const SUFFIX: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const PATTERN = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/** Reads a Kubernetes quantity (`250m`, `64Mi`, `1e3`). Returns undefined for what is none. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text === "number") return Number.isFinite(text) ? text : undefined;
  const match = PATTERN.exec(text.trim());
  if (!match) return undefined;
  if (match[2] !== undefined) return Number(`${match[1] ?? ""}${match[2]}`);
  return Number(match[1]) * (SUFFIX[match[3] ?? ""] ?? 1);
}

/** CPU in thousandths of a core, rounded up. 0 when absent. */
export const milliCpu = (text: string | number | undefined): number =>
  Math.ceil(Math.round((parseQuantity(text) ?? 0) * 1e9) / 1e6);

/** Bytes, rounded up. 0 when absent. */
export const bytesOf = (text: string | number | undefined): number => Math.ceil(parseQuantity(text) ?? 0);
