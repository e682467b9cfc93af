// SPDX-License-Identifier: Apache-2.0

/** RFC 3339 in seconds, as Kubernetes writes times. */
export const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

/** @returns undefined for anything that is no time */
export function msOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
