// SPDX-License-Identifier: Apache-2.0

export interface Pace {
  /** Writes a second of one job's status, at most. */
  readonly statusWritesPerSecond: number;
}

/** Nodes whose states one write a second can carry. */
const NODES_PER_SECOND = 1000;

/** How long one job's status rests after a write: longer, the longer the status is. */
export const restMs = (nodes: number, { statusWritesPerSecond }: Pace): number =>
  Math.max(1000 / statusWritesPerSecond, nodes > NODES_PER_SECOND ? (nodes / NODES_PER_SECOND) * 1000 : 0);
