// SPDX-License-Identifier: Apache-2.0

/** One object as the cloud wants it, durable at the edge. */
export interface StoredObject {
  /** `kind/namespace/name`, as `formatKey()` of @longshore/crds/wire writes it */
  readonly key: string;
  readonly kind: string;
  /** "" for cluster-scoped objects */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly digest: string;
  readonly clusterEpoch: number;
  /** The object itself, parsed. Treat as frozen. */
  readonly value: unknown;
}

/** One change that the cloud wants. */
export type StoreChange =
  | { readonly op: "put"; readonly object: StoredObject }
  /** Applies only to the uid that it names; "" (old clouds) applies to any. */
  | { readonly op: "delete"; readonly key: string; readonly uid: string };

/** "stale": an older or equal version of what is held, "other-uid": a delete for another uid. Both are acked. */
export type StoreOutcome = "applied" | "stale" | "other-uid";

/** A change that is committed. */
export type DesiredEvent =
  | { readonly type: "put"; readonly object: StoredObject }
  | { readonly type: "delete"; readonly object: StoredObject };

/** What the cloud wants of this node. The only writer is the tunnel's downlink. */
export interface DesiredStore {
  /**
   * Resolves when the change is committed with synchronous=FULL (group commit). Order by
   * (clusterEpoch, resourceVersion); another uid with a greater version replaces.
   *
   * @throws {StoreError} FULL, IO: nothing was stored, do not ack
   */
  apply(change: StoreChange): Promise<StoreOutcome>;
  get(key: string): StoredObject | undefined;
  list(kind: string): readonly StoredObject[];
  inventory(): readonly (readonly [key: string, uid: string, resourceVersion: string, digest: string])[];
  /** Called after commit. Returns the unsubscriber. */
  subscribe(kind: string, listener: (event: DesiredEvent) => void): () => void;
}

/**
 * Small durable records of the agent's own: deletion start times, restart counts, tokens, epochs, job steps.
 * A bucket is a namespace of keys. Writes are durable when the promise resolves.
 */
export interface RecordStore {
  get(bucket: string, key: string): unknown;
  list(bucket: string): readonly (readonly [key: string, value: unknown])[];
  put(bucket: string, key: string, value: unknown): Promise<void>;
  delete(bucket: string, key: string): Promise<void>;
}

/** FULL: no room. IO: the disk failed. CORRUPT: the file is damaged. NEWER_SCHEMA: a newer agent wrote it. LOCKED: another agent has it. */
export type StoreErrorCode = "FULL" | "IO" | "CORRUPT" | "NEWER_SCHEMA" | "LOCKED";

/** Why something is not durable. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "FULL" || code === "IO";
  }
}
