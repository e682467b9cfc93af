// SPDX-License-Identifier: Apache-2.0

const RESOURCE_VERSION = /^(?:0|[1-9][0-9]{0,19})$/;

/** Is this 1–20 decimal digits without a leading zero? Anything else is no version that we order by. */
export function isResourceVersion(text: unknown): text is string {
  return typeof text === "string" && RESOURCE_VERSION.test(text);
}

/**
 * Orders two resource versions without turning them into numbers, which would merge 2^53 and 2^53 + 1.
 *
 * @returns below 0, 0 or above 0, as a sort function does
 */
export function compareResourceVersion(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
