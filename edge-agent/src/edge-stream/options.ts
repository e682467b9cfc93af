// SPDX-License-Identifier: Apache-2.0
import type { PauseLimits } from "@longshore/crds/stream";

/** Limits and times of the stream tunnel to a CloudCore. See `defaultEdgeStreamOptions`. */
export interface EdgeStreamOptions extends PauseLimits {
  readonly maxStreams: number;
  /** Most bytes of one message to the cloud. */
  readonly chunkBytes: number;
  readonly handshakeTimeoutMs: number;
  /** KubeEdge's edge pings; its cloud does not. */
  readonly pingIntervalMs: number;
  /** A cloud that was not heard for so long is gone. */
  readonly deadAfterMs: number;
  /** Delay before the first redial, doubled with each failure up to the second. */
  readonly redialMs: number;
  readonly maxRedialMs: number;
  /** A tunnel that lasted so long forgets the failures before it. */
  readonly provenAfterMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Defaults: KubeEdge's ping and redial; a dead cloud is noticed in 20 s (R21). */
export const defaultEdgeStreamOptions: EdgeStreamOptions = {
  maxStreams: 256,
  chunkBytes: 32 * KIB,
  handshakeTimeoutMs: 10_000,
  pingIntervalMs: 5_000,
  deadAfterMs: 20_000,
  redialMs: 2_000,
  maxRedialMs: 60_000,
  provenAfterMs: 10_000,
  maxStreamBytes: 4 * MIB,
  maxBytes: 32 * MIB,
  pauseBytes: MIB,
  resumeBytes: 256 * KIB,
  stallMs: 5_000,
  maxPauseMs: 60_000,
};
