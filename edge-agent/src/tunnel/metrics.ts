// SPDX-License-Identifier: Apache-2.0

/** What the tunnel counts. The adapter to prom-client is in ../metrics.ts. */
export interface TunnelMetrics {
  /** A frame or request that was not taken, by where and why. */
  rejected(surface: "downlink" | "uplink", reason: string): void;
  stored(outcome: string): void;
  dialed(result: "connected" | "failed"): void;
  connected(isConnected: boolean): void;
  /** Another connection of this node took the session. */
  takenOver(): void;
  /** Whether a second agent is known to use this node's certificate. */
  identityConflict(isConflict: boolean): void;
  /** Bytes of stream frames, towards the cloud or from it. */
  streamed(direction: "up" | "down", bytes: number): void;
}
