// SPDX-License-Identifier: Apache-2.0

/** Limits and times of a hub. Every field has a default; see `defaultHubOptions`. */
export interface HubOptions {
  readonly host: string;
  /** 0 picks a free port */
  readonly port: number;
  /** "TLSv1.2" only for edges that cannot do better. */
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  /** Sessions beyond this are closed 4503. */
  readonly maxSessions: number;
  /** New connections admitted per second, and at once after a quiet time. */
  readonly admissionPerSecond: number;
  readonly admissionBurst: number;
  /** Biggest frame from a KubeEdge edge; CloudCore has no limit at all. */
  readonly legacyMaxFrameBytes: number;
  /** Biggest frame of a negotiated session (B50). */
  readonly maxFrameBytes: number;
  /** Fragments of one message; EdgeCore writes 4 KiB fragments, our agent whole frames (B51). */
  readonly legacyMaxFragments: number;
  readonly maxFragments: number;
  readonly helloTimeoutMs: number;
  readonly inventoryTimeoutMs: number;
  /** References in one inventory (B76). */
  readonly maxInventory: number;
  readonly pingIntervalMs: number;
  /** The peer is gone after so many unanswered pings (R7). */
  readonly pingMisses: number;
  /** Told to the edge in the hello reply; a keepalive renews the Lease. */
  readonly keepaliveIntervalMs: number;
  /** A KubeEdge session without a keepalive frame for so long is closed (`cloudHub.keepaliveInterval`). */
  readonly legacyKeepaliveTimeoutMs: number;
  readonly leaseDurationSeconds: number;
  readonly leaseConcurrency: number;
  /** Unacknowledged pushes of one session. */
  readonly windowFrames: number;
  readonly windowBytes: number;
  /** Objects of one session that are being read at a time. */
  readonly readsPerSession: number;
  /** Reads of the API server, and takes from the mailbox, at a time in the whole hub. */
  readonly readConcurrency: number;
  readonly takeConcurrency: number;
  /** Wants taken at once; a legacy session takes all, for its tiers need the whole picture. */
  readonly takeLimit: number;
  readonly legacyTakeLimit: number;
  /** Pods of one batch that are missing in the cache before one LIST by node replaces single reads. */
  readonly listPodsFrom: number;
  readonly ackTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Failures of one key before it is quarantined, and quarantined keys of one session. */
  readonly quarantineAfter: number;
  readonly maxQuarantined: number;
  readonly quarantineMs: number;
  readonly rescanMs: number;
  /** Encoded objects shared by all sessions. */
  readonly cacheBytes: number;
  /** Bytes in a socket's buffer: the pump pauses, reading pauses, the session is cut. */
  readonly pauseBytes: number;
  readonly pauseReadingBytes: number;
  readonly maxBufferedBytes: number;
  /** A socket with something buffered that moves nothing for so long is cut (R19). */
  readonly progressTimeoutMs: number;
  /** Upstream frames per second and burst, acks not counted; more is read later, not lost (B78). */
  readonly uplinkPerSecond: number;
  readonly uplinkBurst: number;
  readonly uplinkConcurrency: number;
  /** Frames that wait for a handler before reading pauses. */
  readonly uplinkQueue: number;
  /** WebSocket pings per second from one peer before it is closed 4429 (B54). */
  readonly pingsPerSecond: number;
  /** Negotiated sessions: bad frames, and acks that match nothing, per minute before the close. */
  readonly badPerMinute: number;
  readonly strayAcksPerMinute: number;
  /** Streams (kubectl logs, exec and others) go through the sessions of edges that speak them. */
  readonly streams: boolean;
  /** Of one session, at once. */
  readonly maxStreams: number;
  /** How often deadlines are looked at. */
  readonly sweepMs: number;
  /** Sessions are closed over this time when the hub stops. */
  readonly drainMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Defaults; numbers of the reliability bounds (ping 10 s, hello 10 s, progress 30 s, window 64 frames or 256 KiB). */
export const defaultHubOptions: HubOptions = {
  host: "0.0.0.0",
  port: 10000,
  minTlsVersion: "TLSv1.3",
  maxSessions: 20_000,
  admissionPerSecond: 300,
  admissionBurst: 600,
  legacyMaxFrameBytes: 4 * MIB,
  maxFrameBytes: 1.25 * MIB,
  legacyMaxFragments: 2048,
  maxFragments: 64,
  helloTimeoutMs: 10_000,
  inventoryTimeoutMs: 30_000,
  maxInventory: 20_000,
  pingIntervalMs: 10_000,
  pingMisses: 2,
  keepaliveIntervalMs: 10_000,
  legacyKeepaliveTimeoutMs: 30_000,
  leaseDurationSeconds: 40,
  leaseConcurrency: 32,
  windowFrames: 64,
  windowBytes: 256 * KIB,
  readsPerSession: 8,
  readConcurrency: 64,
  takeConcurrency: 256,
  takeLimit: 512,
  legacyTakeLimit: 5_000,
  listPodsFrom: 4,
  ackTimeoutMs: 25_000,
  retryBaseMs: 1_000,
  retryCapMs: 60_000,
  quarantineAfter: 8,
  maxQuarantined: 100,
  quarantineMs: 600_000,
  rescanMs: 30_000,
  cacheBytes: 64 * MIB,
  pauseBytes: 256 * KIB,
  pauseReadingBytes: MIB,
  maxBufferedBytes: 8 * MIB,
  progressTimeoutMs: 30_000,
  uplinkPerSecond: 50,
  uplinkBurst: 100,
  uplinkConcurrency: 16,
  uplinkQueue: 64,
  pingsPerSecond: 20,
  badPerMinute: 3,
  strayAcksPerMinute: 1_000,
  streams: true,
  maxStreams: 256,
  sweepMs: 250,
  drainMs: 5_000,
};
