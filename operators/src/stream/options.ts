// SPDX-License-Identifier: Apache-2.0

/** Limits and times of the kubelet API. Every field has a default; see `defaultStreamOptions`. */
export interface StreamServerOptions {
  readonly host: string;
  /** 0 picks a free port */
  readonly port: number;
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  /** Common names of the API server's kubelet client certificate. Whoever has one of them may do everything. */
  readonly apiServerNames: readonly string[];
  /** Common names, of the same CA, that may read metrics, stats/summary and healthz, and nothing else. */
  readonly scraperNames: readonly string[];
  /**
   * The CA of the API server's client certificate, PEM, with the intermediate one that signed it if there is one.
   * Absent or "": the cluster says it in its ConfigMap.
   */
  readonly clientCaFile?: string | undefined;
  /** How often the client CA is read again, and how soon after a failure. */
  readonly caRefreshMs: number;
  readonly caRetryMs: number;
  /** Live streams of this hub, own and forwarded, and of one node. More is answered 429. */
  readonly maxStreams: number;
  readonly maxStreamsPerNode: number;
  /** Requests that are not answered yet; those for many nodes that vanish at once must leave room. More is answered 429. */
  readonly maxOpening: number;
  readonly maxConnections: number;
  /** Until it is known where the node is, or that it is offline. */
  readonly resolveTimeoutMs: number;
  /** Until the node has accepted the stream. */
  readonly openTimeoutMs: number;
  /** How long an exec, attach or port-forward may be silent when one of its directions has ended. */
  readonly halfClosedMs: number;
  /** A connection to another hub without streams is closed after this. */
  readonly peerIdleMs: number;
  /** Another hub is asked for a sign of life this often, and is dead when nothing came for so long. */
  readonly peerPingMs: number;
  readonly peerDeadMs: number;
}

export const defaultStreamOptions: StreamServerOptions = {
  host: "0.0.0.0",
  port: 10_003,
  minTlsVersion: "TLSv1.3",
  apiServerNames: ["kube-apiserver-kubelet-client"],
  scraperNames: [],
  caRefreshMs: 300_000,
  caRetryMs: 2_000,
  maxStreams: 2_048,
  maxStreamsPerNode: 256,
  maxOpening: 2_048,
  maxConnections: 8_192,
  resolveTimeoutMs: 2_000,
  openTimeoutMs: 30_000,
  halfClosedMs: 60_000,
  peerIdleMs: 60_000,
  peerPingMs: 5_000,
  peerDeadMs: 15_000,
};
