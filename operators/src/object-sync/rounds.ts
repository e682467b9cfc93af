// SPDX-License-Identifier: Apache-2.0

/** Who is to be looked at when. All in memory: what is lost with the process is found again by the next one. */
export interface Rounds {
  /** @returns false when the node waits for its turn already */
  begin(node: string): boolean;
  /** The node was looked at, with success. */
  done(node: string): void;
  /** Nodes that wait. */
  readonly waiting: number;
  /** Its records are written now: the next time no sooner than after the interval. */
  wrote(node: string): void;
  /** Milliseconds until the node's records may be written again. */
  waitMs(node: string): number;
  /** Nobody's records are written for so long. */
  hold(forMs: number): void;
  /** The Node was deleted: its records prove nothing until they were removed. */
  left(node: string): void;
  hasLeft(node: string): boolean;
  /** Nothing is left of the Node that was deleted. */
  returned(node: string): void;
  /** Forgets what is over. */
  prune(): void;
}

export interface RoundsOptions {
  readonly intervalMs: number;
  readonly nowMs: () => number;
}

export function createRounds({ intervalMs, nowMs }: RoundsOptions): Rounds {
  const begun = new Set<string>();
  const left = new Set<string>();
  const dueAtMs = new Map<string, number>();
  let heldUntilMs = 0;
  return {
    begin(node) {
      if (begun.has(node)) return false;
      begun.add(node);
      return true;
    },
    done: (node) => void begun.delete(node),
    get waiting() {
      return begun.size;
    },
    wrote: (node) => void dueAtMs.set(node, nowMs() + intervalMs),
    waitMs: (node) => Math.max(0, Math.max(dueAtMs.get(node) ?? 0, heldUntilMs) - nowMs()),
    hold: (forMs) => void (heldUntilMs = nowMs() + forMs),
    left: (node) => void left.add(node),
    hasLeft: (node) => left.has(node),
    returned: (node) => void left.delete(node),
    prune() {
      const now = nowMs();
      for (const [node, dueMs] of dueAtMs) if (dueMs <= now) dueAtMs.delete(node);
    },
  };
}
