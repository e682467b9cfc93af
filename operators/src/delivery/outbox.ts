// SPDX-License-Identifier: Apache-2.0

/** A set of kinds whose references one placement reconciler computes. */
export type Scope = "workload" | "device" | "job" | "rule";

/** One object that a node must hold. */
export interface Ref {
  /** Resource type of the wire grammar: `pod`, `configmap`, `node`, `devicemodel`, … */
  readonly kind: string;
  /** "" for cluster-scoped objects */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `objectDigest()` of what would be sent, or `metadataDigest()` for kinds watched as metadata only. */
  readonly digest: string;
}

export interface SyncResult {
  readonly puts: number;
  readonly dels: number;
  /** Hub that owns the node's session now, if any; it has been woken. */
  readonly owner?: string;
}

/** What a node has of one object. */
export interface Standing {
  /** What the edge has made durable under this name, be it of another uid; `digest` is "" where it is not known. */
  readonly acked?: Pick<Ref, "uid" | "resourceVersion" | "digest">;
  /** Something about it is to be sent, or to be acked. */
  readonly isPending: boolean;
}

/** What a node has of some objects, at one moment. */
export interface NodeStanding {
  /** A live hub holds the node's session. */
  readonly isConnected: boolean;
  /** False when nothing is known of the node: then the objects prove nothing. */
  readonly isEstablished: boolean;
  /** In the order asked for. */
  readonly objects: readonly Standing[];
}

/** The controllers' port to delivery. Implemented by `redis.ts`. */
export interface Outbox {
  /**
   * Makes `refs` the whole set of references that `node` must hold in `scope`.
   *
   * Puts and deletes are derived by comparison with what is acked and wanted; a call that changes nothing
   * writes nothing. Idempotent.
   *
   * @param term `leaseTransitions` of the caller's leader Lease; a lower term than the highest seen is refused
   * @throws {DeliveryError} STALE_TERM (not retryable), UNAVAILABLE (retryable)
   */
  sync(node: string, scope: Scope, refs: readonly Ref[], term: number): Promise<SyncResult>;

  /**
   * Tells what a node has of some objects of a scope: one read, which changes nothing.
   *
   * @throws {DeliveryError} UNAVAILABLE (retryable)
   */
  standing(
    node: string,
    scope: Scope,
    objects: readonly Pick<Ref, "kind" | "namespace" | "name" | "uid">[],
  ): Promise<NodeStanding>;

  /** Removes everything kept for a node that no longer exists. Idempotent. */
  forget(node: string, term: number): Promise<void>;

  /** Every node that has anything kept for it, for the sweep that finds missed deletions. */
  knownNodes(): AsyncIterable<string>;

  /**
   * Nodes that somebody asks a fresh placement of: a hub after an inventory mismatch, or everything after
   * Redis was found replaced (`node` undefined). Delivered at least once.
   */
  onPlacementRequest(handler: (node: string | undefined) => void): void;
}
