// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../delivery/errors.ts";
import type { Ledger, LedgerRecord, LedgerState } from "../delivery/ledger.ts";
import { ApiError, DONE, type Clock, type Log, type Reconciler, type Result } from "../runtime/index.ts";
import { desiredRecords } from "./desired.ts";
import { doubtful, newestOfEach } from "./doubt.ts";
import type { ObjectSyncMetrics } from "./metrics.ts";
import { plan, planRemoval, type Action } from "./plan.ts";
import type { Rounds } from "./rounds.ts";
import type { SyncRecord } from "./record.ts";
import { restorable } from "./restore.ts";
import { write, type WriteContext, type WriterDeps } from "./writer.ts";

/** What the reconciler reads. */
export interface RecordCaches {
  /** The edge Node of this name, if there is one. */
  node(name: string): { readonly uid: string } | undefined;
  recordsOf(node: string): readonly SyncRecord[];
  /** Everything was read once. */
  areSynced(): boolean;
}

export interface ReconcilerDeps extends WriterDeps {
  readonly ledger: Pick<Ledger, "acked" | "settle" | "restoreAcked" | "doubt">;
  readonly caches: RecordCaches;
  readonly rounds: Rounds;
  readonly clock: Clock;
  readonly metrics: ObjectSyncMetrics;
  readonly log: Log;
}

/** Deletions come back through the watch soon after. */
const AFTER_REMOVAL_MS = 1000;
const FORBIDDEN_HOLD_MS = 30_000;

/** Makes the records of one node say what it has acked, or removes them when the Node is gone. */
export function createObjectSyncReconciler(deps: ReconcilerDeps): Reconciler {
  return async ({ name: node }, { signal, log }) => {
    const owner = deps.caches.node(node);
    if (owner === undefined) return removeAll(deps, node, { owner: undefined, signal, log });
    const waitMs = deps.rounds.waitMs(node);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    return recordAcked(deps, node, { owner: { name: node, uid: owner.uid }, signal, log });
  };
}

async function recordAcked(
  deps: ReconcilerDeps,
  node: string,
  context: WriteContext & { readonly owner: { readonly uid: string } },
): Promise<Result> {
  const { caches, rounds } = deps;
  const state = await establishedState(deps, node);
  const actions = plan(desiredRecords(node, state.entries), caches.recordsOf(node));
  await writeAll(deps, actions, context);
  if (actions.length > 0) rounds.wrote(node);
  rounds.returned(node);
  await settle(deps, node, state.mark);
  return DONE;
}

/** Before a record is written over: Redis may know less than the records do. */
async function establishedState(deps: ReconcilerDeps, node: string): Promise<LedgerState> {
  const { ledger } = deps;
  let state = await ledger.acked(node);
  if (!state.isEstablished) {
    await ledger.restoreAcked(node, recordsToRestore(deps, node));
    state = await ledger.acked(node);
  } else if (state.isFormer === true) {
    await ledger.doubt(node, state.mark, doubtful(state.entries, recordsToRestore(deps, node)));
    state = await ledger.acked(node);
  }
  // Emptied once more in between, or changed: nothing of what is not known may be removed.
  if (!state.isEstablished || state.isFormer === true)
    throw new DeliveryError("UNAVAILABLE", "what the node has acked is not known");
  return state;
}

async function removeAll(deps: ReconcilerDeps, node: string, context: WriteContext): Promise<Result> {
  // Before anything is asked of Redis, which may be away.
  const actions = planRemoval(deps.caches.recordsOf(node));
  await writeAll(deps, actions, context);
  if (actions.length > 0) return { requeueAfterMs: AFTER_REMOVAL_MS };
  const { mark } = await deps.ledger.acked(node);
  deps.rounds.returned(node);
  await settle(deps, node, mark);
  return DONE;
}

async function settle(deps: ReconcilerDeps, node: string, mark: string): Promise<void> {
  if (mark !== "") await deps.ledger.settle(node, mark);
  deps.rounds.done(node);
}

async function writeAll(
  deps: ReconcilerDeps,
  actions: readonly Action[],
  context: WriteContext,
): Promise<void> {
  try {
    for (const action of actions) await write(deps, action, context);
  } catch (error) {
    // It will be the same for every node, until somebody changes our rights.
    if (isForbidden(error)) deps.rounds.hold(FORBIDDEN_HOLD_MS);
    throw error;
  }
  if (actions.length > 0) context.log.debug({ writes: actions.length }, "records written");
}

const isForbidden = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 401 || error.code === 403);

/**
 * What may be put in the place of what Redis has lost of a node: nothing of a node that was deleted a moment ago,
 * be it back or not.
 *
 * @throws {DeliveryError} UNAVAILABLE until the records were read
 */
export function recordsToRestore(
  deps: Pick<ReconcilerDeps, "caches" | "rounds" | "metrics" | "log">,
  node: string,
): readonly LedgerRecord[] {
  const { caches, rounds, metrics, log } = deps;
  if (!caches.areSynced()) throw new DeliveryError("UNAVAILABLE", "the records were not read yet");
  const owner = caches.node(node);
  if (owner === undefined || rounds.hasLeft(node)) return [];
  const { records, garbage } = restorable(caches.recordsOf(node), owner.uid);
  if (garbage.length > 0) {
    metrics.skipped.inc({ reason: "garbage_version" }, garbage.length);
    log.warn(
      { node, record: garbage[0], count: garbage.length },
      "records without a version are not believed",
    );
  }
  return [...newestOfEach(records).values()];
}
