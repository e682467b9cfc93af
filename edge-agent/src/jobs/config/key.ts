// SPDX-License-Identifier: Apache-2.0
import { isConfigKey } from "@longshore/crds/operations";

/** Where a value is in the file: names of mappings, places in lists. */
export type Path = readonly (string | number)[];

/** Reads `modules.edged.nodeLabels.example\.com/role` or `a.list[0].key`; undefined when it is no key. */
export function parseKey(key: string): Path | undefined {
  if (!isConfigKey(key)) return undefined;
  return [...key.matchAll(/\[(\d{1,3})\]|((?:[^.[\]\\]|\\\.)+)/g)].map(([, index, name]) =>
    index === undefined ? (name ?? "").replaceAll("\\.", ".") : Number(index),
  );
}

/** One text for one place. */
export const idOf = (path: Path): string => JSON.stringify(path);
