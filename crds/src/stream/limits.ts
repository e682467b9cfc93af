// SPDX-License-Identifier: Apache-2.0

/** Bounds of the streams on one connection. */
export interface StreamLimits {
  /** Bytes that a sender may be ahead of its reader, in each direction of a stream. */
  readonly windowBytes: number;
  /** Most bytes of one data frame: what control traffic may have to wait for. */
  readonly chunkBytes: number;
  /** Live streams of one connection. */
  readonly maxStreams: number;
  /** Bytes of an open, head or reset frame. */
  readonly maxTextBytes: number;
  /** How long the other side may take to accept. */
  readonly openTimeoutMs: number;
  /** Frames for streams that never were, in ten seconds, before the connection is given up (B143). */
  readonly strayPer10s: number;
}

export const STREAM_LIMITS: StreamLimits = {
  windowBytes: 256 * 1024,
  chunkBytes: 32 * 1024,
  maxStreams: 256,
  maxTextBytes: 64 * 1024,
  openTimeoutMs: 30_000,
  strayPer10s: 10,
};
