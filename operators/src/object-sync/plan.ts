// SPDX-License-Identifier: Apache-2.0
import type { DesiredRecord } from "./desired.ts";
import type { SyncRecord } from "./record.ts";

/** One change of one record. */
export type Action =
  | { readonly do: "remove"; readonly namespace: string; readonly name: string }
  /** its version only */
  | { readonly do: "version"; readonly record: DesiredRecord }
  /** what it is about, and its version */
  | { readonly do: "correct"; readonly record: DesiredRecord }
  | { readonly do: "create"; readonly record: DesiredRecord };

const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ""}/${name}`;

/**
 * What makes the records of one node say what is wanted. What is gone goes first: nobody may take it for something
 * that the node holds.
 */
export function plan(desired: readonly DesiredRecord[], existing: readonly SyncRecord[]): Action[] {
  const wanted = new Set(desired.map(({ namespace, name }) => keyOf(namespace, name)));
  const found = new Map(
    existing.map((record) => [keyOf(record.metadata.namespace, record.metadata.name), record]),
  );
  const removals = [...found]
    .filter(([key]) => !wanted.has(key))
    .map(([, { metadata }]): Action => {
      return { do: "remove", namespace: metadata.namespace ?? "", name: metadata.name };
    });
  const changes = desired.flatMap((record): Action[] => {
    const held = found.get(keyOf(record.namespace, record.name));
    if (held === undefined) return [{ do: "create", record }];
    if (held.objectKind !== record.objectKind || held.objectName !== record.objectName)
      return [{ do: "correct", record }];
    return held.acked === record.resourceVersion ? [] : [{ do: "version", record }];
  });
  return [...removals, ...changes];
}

/** All of a node that is no more. */
export const planRemoval = (existing: readonly SyncRecord[]): Action[] => plan([], existing);
