// SPDX-License-Identifier: Apache-2.0

/**
 * Delay before the next try: base times 2 to the failures, capped, between half and all of it.
 *
 * @param failures consecutive failures, ≥ 1
 * @param random in [0, 1)
 */
export function backoffMs(
  failures: number,
  limits: { baseMs: number; capMs: number },
  random: number,
): number {
  const ceilingMs = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(failures - 1, 30));
  return ceilingMs * (0.5 + random / 2);
}
