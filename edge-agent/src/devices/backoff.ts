// SPDX-License-Identifier: Apache-2.0

/** A pause that doubles with each failure, with up to a quarter taken off so that many do not come at once. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/** @param failures in a row, from 1 */
export function pauseMs(failures: number, { baseMs, capMs }: BackoffOptions, random: () => number): number {
  const fullMs = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 20));
  return Math.round(fullMs * (1 - random() / 4));
}
