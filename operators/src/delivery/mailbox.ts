// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "./outbox.ts";

/** Who holds a node's session. All three are compared on every step of the mailbox. */
export interface Owner {
  /** Stable id of the hub, for example its StatefulSet pod name. */
  readonly hub: string;
  /** Random id of this one connection. */
  readonly connection: string;
  readonly sessionEpoch: number;
}

export interface Fence {
  readonly owner: Owner;
  readonly clusterEpoch: number;
  /** The session that was taken over, if there was one. */
  readonly previous?: Owner;
  /** Digest and count of `acked`, comparable with the edge's hello. */
  readonly ackedDigest: string;
  readonly ackedCount: number;
}

/** One thing that a node still has to get. */
export interface Want {
  /** `scope:kind/namespace/name`, or `scope:del:kind/namespace/name#uid` for the old uid of a recreated object */
  readonly field: string;
  readonly op: "put" | "del";
  readonly scope: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly digest: string;
  /** Random; an ack removes the want only if it is unchanged. */
  readonly token: string;
  /** The edge does not hold any version of this object yet. */
  readonly fresh: boolean;
}

export interface Acked {
  readonly field: string;
  readonly token: string;
  readonly op: "put" | "del";
  /** What was really sent, which may be newer than what was wanted. */
  readonly uid: string;
  readonly resourceVersion: string;
  readonly digest: string;
}

export interface Batch {
  readonly wants: readonly Want[];
  /** Everything wanted of the node, including what is not in `wants`. */
  readonly total: number;
  /** A fresh placement was asked for and has not come yet, so an empty batch proves nothing. */
  readonly placementPending: boolean;
}

export interface InventoryEntry {
  /** `kind/namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly digest: string;
}

/**
 * The hubs' port to delivery. Implemented by `redis.ts`.
 *
 * Every method that takes an Owner throws DeliveryError NOT_OWNER when somebody else holds the session by
 * now, and UNAVAILABLE (retryable) when Redis cannot be reached; no other effect happened then.
 */
export interface Mailbox {
  /** Takes the node's session over, whoever holds it. The previous owner's hub gets an evict. */
  fence(
    node: string,
    connection: string,
    edge: { sessionEpoch: number; clusterEpoch: number },
  ): Promise<Fence>;
  /** Gives the session up, if `owner` still holds it. */
  release(node: string, owner: Owner): Promise<void>;
  /** What is wanted, oldest first, without the fields in `inFlight`; at most `limit`. */
  take(node: string, owner: Owner, limit: number, inFlight: ReadonlySet<string>): Promise<Batch>;
  ack(node: string, owner: Owner, acked: readonly Acked[]): Promise<void>;
  /**
   * The edge's whole inventory replaces `acked`, in all scopes; satisfied wants are pruned and a fresh
   * placement is asked for. The parts of one inventory are given in one call.
   */
  replaceAcked(node: string, owner: Owner, inventory: readonly InventoryEntry[]): Promise<void>;
  /**
   * The edge was (re)installed: forget what it acked and ask for placement. Called when a certificate is
   * issued by token, or when the Node's uid or machine id changed. Needs no session.
   */
  clearAcked(node: string): Promise<void>;
  /** Asks the controllers for a fresh placement of a node. */
  requestPlacement(node: string): Promise<void>;
  /** Names of the objects of these kinds that the node holds, or is to get. Needs no session. */
  names(node: string, scope: Scope, kinds: ReadonlySet<string>): Promise<readonly string[]>;
  /** Records a resourceVersion seen in a consistent read; resolves to the cluster epoch, raised if it went back. */
  observeResourceVersion(resourceVersion: string): Promise<number>;
}

/** What wakes a hub. Implemented by `bullmq.ts`. Handlers only mark; they return at once. */
export interface Wakeups {
  start(handlers: { wake(node: string): void; evict(node: string, owner: Owner): void }): Promise<void>;
  stop(): Promise<void>;
}
