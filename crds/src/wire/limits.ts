// SPDX-License-Identifier: Apache-2.0

/** What a decoder accepts. Checked on the bytes, before anything is parsed. */
export interface WireLimits {
  /** Bytes of one frame. */
  readonly frameBytes: number;
  /** Levels of objects and arrays, the frame itself included. */
  readonly depth: number;
  /** Object keys in the whole frame. */
  readonly keys: number;
  /** Bytes of one key as written. */
  readonly keyBytes: number;
}

/** Sizes of the tunnel. A legacy edge sends frames of any size up to its 3 MiB objects; ours sends chunks. */
export const LIMITS = {
  /** One frame of a plain KubeEdge edge. */
  legacyFrameBytes: 4 * 1024 * 1024,
  /** One chunk of ours. */
  chunkBytes: 256 * 1024,
  /** One object of ours: etcd's 1 MiB and room for the frame around it. */
  frameBytes: 1_310_720,
  depth: 32,
  keys: 10_000,
  keyBytes: 64 * 1024,
  resourceChars: 1024,
  /** Ids and words of header and route: they are kept while a frame waits for its answer. */
  textChars: 1024,
  segmentChars: 253,
} as const;

/** The limits that `decodeFrame` applies when none are given. */
export const DEFAULT_WIRE_LIMITS: WireLimits = {
  frameBytes: LIMITS.legacyFrameBytes,
  depth: LIMITS.depth,
  keys: LIMITS.keys,
  keyBytes: LIMITS.keyBytes,
};
