// SPDX-License-Identifier: Apache-2.0

/** A mapper that is remembered. */
export interface Remembered {
  readonly protocol: string;
  /** It holds something, or shall, or registers just now. */
  readonly isNeeded: boolean;
  /** Since when nobody answers at its socket, on the monotonic clock; undefined while somebody does. */
  readonly unreachableSinceMs: number | undefined;
}

/**
 * Protocol of the mapper that makes room for another: of those that nothing needs the one that has been away for
 * longest, else the first.
 *
 * @param mappers in the order in which they came
 */
export function spareMapper(mappers: readonly Remembered[]): string | undefined {
  const awayMs = ({ unreachableSinceMs }: Remembered): number => unreachableSinceMs ?? Number.MAX_VALUE;
  const [first] = mappers.filter(({ isNeeded }) => !isNeeded).sort((a, b) => awayMs(a) - awayMs(b));
  return first?.protocol;
}
