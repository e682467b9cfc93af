// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationStatus } from "@longshore/crds/apps";
import type { TrimmedChild } from "./apply/child.ts";
import type { Parts } from "./plan.ts";

/** How our last apply left a child. */
export interface Applied {
  readonly hash: string;
  readonly child: TrimmedChild;
  readonly atMs: number;
  /** Deleted or unlabelled since. */
  readonly isGone?: boolean;
  /** How often in short time others changed or deleted what is ours. */
  readonly struggles: number;
}

/** A child that was refused, and is tried again later. */
export interface Refused {
  readonly hash: string;
  readonly message: string;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** What is known of an application beside the caches. All of it can be lost: then it is found out once more. */
export interface Memory {
  readonly uid: string;
  readonly applied: Map<string, Applied>;
  readonly refused: Map<string, Refused>;
  /** What could not be pruned, and is tried again later. */
  readonly unpruned: Map<string, Omit<Refused, "hash">>;
  readonly parts: Parts;
  /** Hashes by key, as they were wanted last; undefined before the first plan of this process. */
  wanted?: ReadonlyMap<
    string,
    { readonly hash: string; readonly target?: string; readonly version?: string }
  >;
  /** Our last write of the status. */
  status?: {
    readonly resourceVersion: string;
    readonly status: EdgeApplicationStatus;
    readonly atMs: number;
  };
  /** Our last write of the annotation that names the children. */
  contained?: { readonly resourceVersion: string; readonly text: string };
  /** The application has no room for an annotation that names all. */
  isTextShort?: boolean;
  /** Faults that an event was made of. */
  told: ReadonlySet<string>;
  generation?: number;
}

export interface Memories {
  /** Of this application; begins anew with another uid. */
  of(key: string, uid: string): Memory;
  peek(key: string): Memory | undefined;
  delete(key: string): void;
}

export function createMemories(): Memories {
  const all = new Map<string, Memory>();
  return {
    of(key, uid) {
      const known = all.get(key);
      if (known?.uid === uid) return known;
      const made: Memory = {
        ...{ uid, applied: new Map(), refused: new Map(), unpruned: new Map() },
        ...{ parts: new Map(), told: new Set<string>() },
      };
      all.set(key, made);
      return made;
    },
    peek: (key) => all.get(key),
    delete: (key) => void all.delete(key),
  };
}
