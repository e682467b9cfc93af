// SPDX-License-Identifier: Apache-2.0
import { NODES } from "../groups/fleet.ts";

/** Nodes that are relabelled, one after the other. */
export const MOVES = Math.min(300, NODES);
/** Longer than a status waits, and than the pods of a node that left are looked at again. */
export const SETTLE_MS = 6_500;
