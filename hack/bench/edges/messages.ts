// SPDX-License-Identifier: Apache-2.0
import type { NodeIdentity, Target } from "./edge.ts";

/** What a fleet asks of the process of its edges. */
export type Order =
  | { readonly do: "add"; readonly target: Target; readonly identities: readonly NodeIdentity[] }
  | { readonly do: "stop" };

/** What the process tells, some fifty times a second while anything changes. */
export interface Progress {
  readonly connected: number;
  /** Pushes that were acknowledged since the start. */
  readonly acked: number;
  /** Newest marker that was seen, and how many (node, object) pairs have it. */
  readonly round: number;
  readonly atNewest: number;
  /** Wall clock of the last change, for durations between this machine's processes. */
  readonly atMs: number;
  /** Wall clock of the newest dial that led to a tunnel. */
  readonly dialedMs: number;
}

export const EMPTY: Progress = { connected: 0, acked: 0, round: 0, atNewest: 0, atMs: 0, dialedMs: 0 };
