// SPDX-License-Identifier: Apache-2.0
import { isGivable } from "@longshore/crds/apps";

export { NODE_GROUP_GIVEN as GIVEN, NODE_GROUP_LEFT as LEFT } from "@longshore/crds/apps";

/** By key: what there was before, null when there was nothing. */
export type Before = Readonly<Record<string, string | null>>;

/** What a group gave to a node, so that exactly that can be taken away again. */
export interface Given {
  readonly group: string;
  readonly labels: Before;
  readonly annotations: Before;
  /** Under `<key>:<effect>`; the value is the taint's, "" for one without. */
  readonly taints: Before;
}

/**
 * What no group gives is not read: somebody who writes it there wants us to write what they may not.
 *
 * @returns undefined for what is none of ours: then nothing on the node is
 */
export function readGiven(text: string | undefined): Given | undefined {
  const read = parse(text);
  if (typeof read !== "object" || read === null || !("group" in read)) return undefined;
  const { group, labels, annotations, taints } = read as Record<string, unknown>;
  if (typeof group !== "string" || group === "") return undefined;
  return {
    group,
    labels: before(labels, (key) => isGivable("label", key)),
    annotations: before(annotations, (key) => isGivable("annotation", key)),
    taints: before(taints, (key) => isGivable("taint", key.slice(0, key.lastIndexOf(":")))),
  };
}

/** The same text for the same content. */
export function printGiven({ group, ...maps }: Given): string {
  const filled = Object.entries(maps).filter(([, map]) => Object.keys(map).length > 0);
  const sorted = filled.map(([name, map]) => [name, Object.fromEntries(Object.entries(map).sort(byKey))]);
  return JSON.stringify({ group, ...Object.fromEntries(sorted) });
}

export function readLeft(text: string | undefined): readonly string[] {
  const read = parse(text);
  return Array.isArray(read) ? read.filter((name) => typeof name === "string") : [];
}

export const printLeft = (groups: readonly string[]): string => JSON.stringify(groups);

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

function before(read: unknown, isKnown: (key: string) => boolean): Before {
  if (typeof read !== "object" || read === null) return {};
  const isFit = (value: unknown): value is string | null => value === null || typeof value === "string";
  const entries = Object.entries(read).flatMap(([key, value]) =>
    isFit(value) && isKnown(key) ? [[key, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // somebody else's text
  }
}
