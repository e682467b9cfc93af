// SPDX-License-Identifier: Apache-2.0

/** One version of an object that an edge has made durable. */
export interface LedgerRecord {
  /** Resource type of the wire grammar: `pod`, `configmap`, `device`, … */
  readonly kind: string;
  /** "" for cluster-scoped objects */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** As in a Ref. Absent where it was not recorded: then only the same version is known to be the same. */
  readonly digest?: string;
}

export interface LedgerEntry extends LedgerRecord {
  readonly scope: string;
}

/** What a node has acked, at one moment. */
export interface LedgerState {
  readonly entries: readonly LedgerEntry[];
  /** Names the last change; "" when nothing is left to be recorded. For `settle`. */
  readonly mark: string;
  /**
   * `entries` is the truth, even if empty. False when Redis knows nothing of the node: it was emptied, or never
   * held it.
   */
  readonly isEstablished: boolean;
  /** It was established before Redis was replaced: the newest of it may be lost. See `doubt`. */
  readonly isFormer?: boolean;
}

/**
 * What the edges have acked, for whoever keeps a record of it elsewhere. Implemented by `redis-ledger.ts`.
 *
 * Every method throws DeliveryError UNAVAILABLE (retryable) when Redis cannot be reached.
 */
export interface Ledger {
  /**
   * Nodes whose acked objects changed and were not settled since, in batches of some hundred. At least once: a node
   * stays until `settle`, and may come twice.
   */
  changedNodes(): AsyncIterable<readonly string[]>;
  acked(node: string): Promise<LedgerState>;
  /** Says that the state with this mark is recorded. @returns false when the node has changed since: it stays */
  settle(node: string, mark: string): Promise<boolean>;
  /**
   * Puts records in the place of what Redis has lost, and asks for a fresh placement of the node. Never over
   * anything that is established, not even over an established nothing.
   *
   * @returns how many entries were restored
   */
  restoreAcked(node: string, records: readonly LedgerRecord[]): Promise<number>;
  /**
   * Makes a former state an established one. Of these objects the edge may hold any version, or none: one that is
   * wanted is sent again, one that is not is deleted. Asks for a fresh placement of the node if there are any.
   *
   * @param mark of the state that they were found in
   * @returns false when the node has changed since: nothing was done
   */
  doubt(node: string, mark: string, objects: readonly LedgerRecord[]): Promise<boolean>;
  /**
   * Names who has records of what was acked. From then on `Outbox.sync` of a node that Redis knows nothing of
   * restores them first, so that no put is computed that the edge has already; until undefined is given. The handler throws DeliveryError
   * UNAVAILABLE while it cannot tell.
   */
  onLost(recordsOf: ((node: string) => readonly LedgerRecord[]) | undefined): void;
  /** Calls that Redis was replaced or emptied, or that the time has come to compare everything anyway. */
  onReplaced(handler: (reason: "replaced" | "timer") => void): void;
}
