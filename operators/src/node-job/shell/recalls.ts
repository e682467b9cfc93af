// SPDX-License-Identifier: Apache-2.0
import type { StoredJob } from "./stored-job.ts";

/** Orders that are taken back before the write that says so: in between nobody must place them again. */
export interface Recalls {
  add(stored: StoredJob, node: string): void;
  has(stored: StoredJob, node: string): boolean;
  /**
   * The job has changed: what is stored now counts alone.
   *
   * @param now undefined when it is gone
   * @returns nodes whose orders were taken back
   */
  end(stored: StoredJob, now: StoredJob | undefined): ReadonlySet<string>;
}

interface Recalled {
  readonly resourceVersion: string;
  readonly nodes: Set<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Kept by this process alone: the next leader places such an order again, and takes it back again. */
export function createRecalls(): Recalls {
  const known = new Map<string, Recalled>();
  const of = ({ metadata: { uid, resourceVersion } }: StoredJob): Recalled | undefined => {
    const found = known.get(uid);
    return found?.resourceVersion === resourceVersion ? found : undefined;
  };
  return {
    add(stored, node) {
      const { uid, resourceVersion } = stored.metadata;
      const recalled = of(stored) ?? { resourceVersion, nodes: new Set<string>() };
      recalled.nodes.add(node);
      known.set(uid, recalled);
    },
    has: (stored, node) => of(stored)?.nodes.has(node) === true,
    end({ metadata: { uid } }, now) {
      const recalled = known.get(uid);
      if (recalled === undefined || recalled.resourceVersion === now?.metadata.resourceVersion) return NONE;
      known.delete(uid);
      return recalled.nodes;
    },
  };
}
