// SPDX-License-Identifier: Apache-2.0

const NONE: ReadonlySet<string> = new Set();

/** Names under keys; a key without names takes no room. */
export interface NameSets {
  add(key: string, name: string): void;
  remove(key: string, name: string): void;
  of(key: string): ReadonlySet<string>;
}

export function createNameSets(): NameSets {
  const sets = new Map<string, Set<string>>();
  return {
    add(key, name) {
      const names = sets.get(key);
      if (names === undefined) sets.set(key, new Set([name]));
      else names.add(name);
    },
    remove(key, name) {
      const names = sets.get(key);
      names?.delete(name);
      if (names?.size === 0) sets.delete(key);
    },
    of: (key) => sets.get(key) ?? NONE,
  };
}

/** A label as a key: neither part can hold the sign. */
export const pairOf = (key: string, value: string): string => `${key}=${value}`;
