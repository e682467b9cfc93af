// SPDX-License-Identifier: Apache-2.0
import type { Fields } from "./job.ts";

/** How a field is written: `set` where it is there, `full` where it is not empty, `always` even as null. */
type Presence = "set" | "full" | "always";
export type Field = readonly [name: string, presence: Presence, members?: readonly Field[]];

const isEmpty = (value: unknown): boolean =>
  value === "" || value === 0 || value === false || (typeof value === "object" && size(value) === 0);
const size = (value: object | null): number => (value === null ? 0 : Object.keys(value).length);

/** Writes an object as CloudCore does: these fields, in this order, without what is empty. */
export function goFields(object: Fields, fields: readonly Field[]): Fields {
  const written: Record<string, unknown> = {};
  for (const [name, presence, members] of fields) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    const isThere = value !== undefined && value !== null && (presence !== "full" || !isEmpty(value));
    if (isThere) written[name] = members === undefined ? value : goFields(value as Fields, members);
    else if (presence === "always") written[name] = null;
  }
  return written;
}
