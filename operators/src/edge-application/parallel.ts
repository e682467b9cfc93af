// SPDX-License-Identifier: Apache-2.0

/**
 * Does something with each item, so many at once.
 *
 * @throws the first error, when what had begun has ended; nothing more is begun then
 */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    while (failed === undefined && next < items.length) {
      const index = next++;
      try {
        await act(items[index] as T, index);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, work));
  if (failed !== undefined) throw failed.error;
}
