// SPDX-License-Identifier: Apache-2.0

import type { PauseLimits } from "@longshore/crds/stream";

/** Limits and times of KubeEdge's stream tunnel. Every field has a default; see `defaultStreamTunnelOptions`. */
export interface StreamTunnelOptions extends PauseLimits {
  readonly host: string;
  /** 0 picks a free port */
  readonly port: number;
  /** "TLSv1.2" only for edges that cannot do better. */
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  /** Nodes that are connected at a time; more are answered 503. */
  readonly maxTunnels: number;
  /** Live streams of one node, and of all nodes at this hub. */
  readonly maxStreamsPerTunnel: number;
  readonly maxStreams: number;
  readonly pingIntervalMs: number;
  /** A node that was not heard for so long is gone. */
  readonly deadAfterMs: number;
  /** Most time that a node has for its first byte; of a log see `logGraceMs`. */
  readonly openTimeoutMs: number;
  /**
   * A log that is followed counts as accepted when no line came for so long: it may stay silent for ever, and the
   * protocol has no word for acceptance.
   */
  readonly logGraceMs: number;
  /** Most bytes of one message to the node. */
  readonly chunkBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Defaults; a dead node is noticed in 20 s (R21). */
export const defaultStreamTunnelOptions: StreamTunnelOptions = {
  host: "0.0.0.0",
  port: 10_004,
  minTlsVersion: "TLSv1.3",
  maxTunnels: 20_000,
  maxStreamsPerTunnel: 256,
  maxStreams: 4_096,
  pingIntervalMs: 10_000,
  deadAfterMs: 20_000,
  openTimeoutMs: 30_000,
  logGraceMs: 1_000,
  maxStreamBytes: 4 * MIB,
  maxBytes: 256 * MIB,
  pauseBytes: 2 * MIB,
  resumeBytes: MIB,
  stallMs: 1_000,
  maxPauseMs: 10_000,
  chunkBytes: 32 * KIB,
};
