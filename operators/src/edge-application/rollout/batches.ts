// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationBatch } from "@longshore/crds/apps";

export interface Batch {
  readonly name: string;
  /** Names of targets that exist; may be none. */
  readonly targets: readonly string[];
}

export interface Batches {
  readonly batches: readonly Batch[];
  /** What batches name and the application does not have, sorted. */
  readonly unknown: readonly string[];
}

/** Batch of the targets that no other one names. */
export const REST = "rest";

/** Targets in the order in which they change: a target belongs to the first batch that names it. */
export function batchesOf(stated: readonly EdgeApplicationBatch[], targets: readonly string[]): Batches {
  const open = new Set(targets);
  const known = new Set(targets);
  const batches = stated.map(({ name, targets: named }) => ({
    name,
    targets: named.filter((target) => open.delete(target)),
  }));
  const unknown = new Set(
    stated.flatMap(({ targets: named }) => named.filter((target) => !known.has(target))),
  );
  return {
    batches: open.size === 0 ? batches : [...batches, { name: REST, targets: [...open] }],
    unknown: [...unknown].sort(),
  };
}
