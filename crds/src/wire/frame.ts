// SPDX-License-Identifier: Apache-2.0

/** Header of a KubeEdge message. Field names are the wire's. */
export interface FrameHeader {
  readonly msg_id: string;
  readonly parent_msg_id?: string;
  /** Milliseconds since the epoch; informative only, never used for order. */
  readonly timestamp: number;
  readonly resourceversion?: string;
  readonly sync?: boolean;
  readonly type?: string;
  /** Ours, additive: digest of the object in `content`; the edge stores it and tells it in its inventory. */
  readonly digest?: string;
}

/** Route of a KubeEdge message. Absent fields are empty strings on the Go side. */
export interface FrameRoute {
  readonly source?: string;
  readonly destination?: string;
  readonly group?: string;
  readonly operation?: string;
  readonly resource?: string;
}

/** One KubeEdge message: one JSON document in one WebSocket text message. */
export interface Frame {
  readonly header: FrameHeader;
  readonly route: FrameRoute;
  readonly content: unknown;
}
