// SPDX-License-Identifier: Apache-2.0

/**
 * What Longshore adds to KubeEdge's tunnel, once both sides agreed to it.
 *
 * The edge offers it with the request header `Longshore-Protocol: 1` of the WebSocket upgrade and the hub
 * echoes that header in its 101 answer. Without the echo neither side sends any of this.
 *
 * Order on a fresh connection: edge sends `hello`; hub answers (op `response`, parent id) with HelloReply;
 * when `inventory` is "send" the edge sends one or more `inventory` frames, the last with `last: true`;
 * then pushes flow, in a window, answered by `ack` frames that name many message ids (or a `nack` for one);
 * when nothing is left and the placement is fresh the hub sends `complete`, once a session.
 */
export const PROTOCOL_HEADER = "longshore-protocol";
export const PROTOCOL_VERSION = "1";
/** Version of the streams in a session; told in the hello and its answer. */
export const STREAMS_VERSION = 1;

/** `route.group` of every frame of ours; the resource is always SESSION_RESOURCE. */
export const SESSION_GROUP = "longshore";
export const SESSION_RESOURCE = "session";

export const SessionOperation = {
  /** edge → hub, content Hello; answered by a `response` with content HelloReply */
  hello: "hello",
  /** edge → hub, content InventoryPart */
  inventory: "inventory",
  /** hub → edge, content CompleteNotice: this node's store now equals what is wanted of it */
  complete: "complete",
  /** edge → hub, content AckBatch: durable at the edge */
  ack: "ack",
  /** edge → hub, content Nack: this frame will not be stored */
  nack: "nack",
} as const;

export interface Hello {
  /** Highest session epoch this edge has seen; 0 when new. */
  readonly sessionEpoch: number;
  /** Cluster epoch of what is stored; 0 when new. */
  readonly clusterEpoch: number;
  /** `inventoryDigest()` over everything stored. */
  readonly inventoryDigest: string;
  readonly inventoryCount: number;
  readonly agentVersion: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Version of the streams that this edge speaks (binary messages, `@longshore/crds/stream`); absent: none. */
  readonly streams?: number;
  /** Version of the batches of device reports that this edge can send (`device-batch.ts`); absent: none. */
  readonly deviceBatch?: number;
}

export interface HelloReply {
  readonly sessionEpoch: number;
  readonly clusterEpoch: number;
  /** "send": the hub's record differs, send the whole inventory. */
  readonly inventory: "match" | "send";
  /** The hub pings this often; two misses mean that it is gone. */
  readonly pingIntervalMs: number;
  /** The edge sends a keepalive this often; the hub renews the node's Lease on it. */
  readonly keepaliveIntervalMs: number;
  readonly leaseDurationSeconds: number;
  /** Version of the streams that both speak; absent: a binary message is a violation. */
  readonly streams?: number;
  /** Version of the batches that the hub takes; absent: each device's reports go in frames of their own. */
  readonly deviceBatch?: number;
}

/** [key, uid, resourceVersion, digest]; key as `formatKey()` writes it. */
export type InventoryItem = readonly [key: string, uid: string, resourceVersion: string, digest: string];

export interface InventoryPart {
  /** 0, 1, 2 … */
  readonly part: number;
  readonly last: boolean;
  readonly items: readonly InventoryItem[];
}

export interface CompleteNotice {
  readonly sessionEpoch: number;
}

export interface AckBatch {
  /** msg_ids of pushes whose objects are committed in the edge's store. */
  readonly ids: readonly string[];
}

export type NackCode =
  | "BAD"
  | "UNSUPPORTED"
  | "STORE_FULL"
  | "STORE_FAILED"
  | "INVALID_RESOURCE"
  | "FORBIDDEN"
  | "STALE_UID"
  | "RATE"
  | "DUPLICATE_ID"
  | "INVALID_ACK";

export interface Nack {
  readonly id: string;
  readonly code: NackCode;
  readonly message: string;
}

/** WebSocket close codes of ours (4000–4999 are for applications, RFC 6455 section 7.4.2). */
export const CloseCode = {
  badMessage: 4400,
  identity: 4401,
  forbidden: 4403,
  helloTimeout: 4408,
  superseded: 4409,
  tooLarge: 4413,
  rate: 4429,
  unavailable: 4503,
} as const;
