// SPDX-License-Identifier: Apache-2.0
import type { Client, Clock } from "../runtime/index.ts";
import { evict } from "./eviction.ts";
import type { MemberNode } from "./node.ts";
import { printLeft } from "./record.ts";

export interface LeavingDeps {
  readonly client: Pick<Client, "list" | "delete">;
  readonly clock: Clock;
  /** Pods that are read with one call. */
  readonly podPageSize: number;
  /** Between the two looks at the pods of a node that left a group; 0 looks once. */
  readonly lookAgainMs: number;
}

export interface Look {
  readonly evicted: number;
  /** Until the next look is due; 0 after the last. */
  readonly waitMs: number;
}

/**
 * Deletes the pods of groups that nodes left. Twice for each: a scheduler that saw the old label may bind a pod
 * after the first look.
 */
export interface Leaving {
  /** @throws {ApiError} when a pod cannot be deleted; the next call goes on where this one ended */
  look(node: MemberNode, groups: readonly string[], signal: AbortSignal): Promise<Look>;
  forget(node: string): void;
}

export function createLeaving({ client, clock, podPageSize, lookAgainMs }: LeavingDeps): Leaving {
  const looked = new Map<string, { readonly at: string; readonly againMs: number }>();
  return {
    forget: (node) => void looked.delete(node),
    async look({ metadata: { name: node, uid } }, groups, signal) {
      const at = printLeft([uid, ...groups]);
      const first = looked.get(node);
      const isSecond = first?.at === at;
      const restMs = isSecond ? first.againMs - clock.nowMs() : 0;
      if (restMs > 0) return { evicted: 0, waitMs: restMs };
      const evicted = await evict({ client, node, groups, signal, pageSize: podPageSize });
      if (isSecond) return { evicted, waitMs: 0 };
      looked.set(node, { at, againMs: clock.nowMs() + lookAgainMs });
      return { evicted, waitMs: lookAgainMs };
    },
  };
}
