// SPDX-License-Identifier: Apache-2.0
import type { Log } from "../log.ts";
import type { Request } from "./request.ts";

export interface Result {
  /** Look again after this long. Resets the backoff; must be returned again by every path that needs polling. */
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Aborted when the manager stops or the reconcile timeout is over. Pass it on to every call. */
  readonly signal: AbortSignal;
  /** Carries controller, namespace, name and a fresh reconcileID. */
  readonly log: Log;
}

/**
 * Makes the world match what is wanted of one request. Level-based, idempotent, tolerates "not found".
 * Throws to be retried with backoff; throws TerminalError when a retry cannot help.
 */
export type Reconciler = (request: Request, context: ReconcileContext) => Promise<Result>;

/** Nothing more to do until something changes. */
export const DONE: Result = {};
