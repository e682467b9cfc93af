// SPDX-License-Identifier: Apache-2.0

/** A copy that lacks some fields. */
export function without<T extends object, Name extends keyof T>(
  object: T,
  ...names: readonly Name[]
): Omit<T, Name> {
  const left: T = { ...object };
  for (const name of names) Reflect.deleteProperty(left, name);
  return left;
}
