// SPDX-License-Identifier: Apache-2.0
import { NODES } from "../groups/fleet.ts";

/** Nodes that are relabelled, one after the other. */
export const MOVES = Math.min(300, NODES);
/** Longer than changes are gathered before a status is written, and than two writes of one status are apart. */
export const SETTLE_MS = 3_000;
