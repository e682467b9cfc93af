// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { KubeObject } from "../../runtime/client.ts";

/** What a node may see and touch now: derived from the pods that are bound to it. One a session. */
export interface SessionGrants {
  /**
   * Is this object granted to the node? On a miss the pods of the node are listed once more (at most once in
   * 2 s) before the answer is no.
   *
   * @param kind `configmap`, `secret`, `serviceaccount`, `persistentvolumeclaim`, `pod`
   */
  allows(kind: string, namespace: string, name: string): Promise<boolean>;
  /** The bound pod of that name, listed once more on a miss. */
  pod(namespace: string, name: string): Promise<{ uid: string; serviceAccountName: string } | undefined>;
  /**
   * Does an image pull that the node was ordered to do need this Secret? That grants it as a registry's credentials
   * only. Throws ApiError, and DeliveryError when nobody can tell what it was ordered.
   */
  pullSecret?(namespace: string, name: string): Promise<boolean>;
  /** A pod was pushed to the node: its references count from now on. */
  podSent(pod: KubeObject): void;
  podGone(namespace: string, name: string, uid: string): void;
}

/** The face of a session towards the uplink handlers. Identity is the certificate's, never the frame's. */
export interface UplinkSession {
  readonly node: string;
  readonly connection: string;
  /** Longshore's additions were negotiated; otherwise a plain KubeEdge edge is on the other side. */
  readonly negotiated: boolean;
  readonly grants: SessionGrants;
  /** Aborted when the session ends or is taken over; nothing may be written upstream after that. */
  readonly signal: AbortSignal;
  readonly log: SessionLog;
  /** Sends a reply or notice; bounded by the session's buffer limits. */
  send(frame: Frame): void;
  /** Pushes the full Node object (kind and apiVersion included), acked like any push. */
  pushNode(): void;
  /** The edge turned out to be another machine than the one that acked. */
  reinstalled(): Promise<void>;
}

export interface SessionLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Resource of an upstream frame, parsed by the grammar of `@longshore/crds/wire`. */
export interface UplinkResource {
  /** "" for `null` */
  readonly namespace: string;
  readonly type: string;
  /** "" when the resource names none */
  readonly name: string;
}

/**
 * Handles the upstream frames of some resource types: parse → authorise → coalesce by key → API write with
 * uid and bounded retry → reply. Never throws for content: a refusal is a reply, a counter and one log line.
 */
export interface UplinkHandler {
  readonly types: readonly string[];
  handle(frame: Frame, resource: UplinkResource, session: UplinkSession): Promise<void>;
}

/** Where the API server reaches the kubelet API of the nodes of this hub: the hub's stream port. */
export interface NodeEndpoint {
  /** `InternalIP` and the like: the type that the API server prefers */
  readonly type: string;
  readonly address: string;
  readonly port: number;
}
