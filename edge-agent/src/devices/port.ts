// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { DeviceBook } from "../bus/port.ts";
import type { Clock } from "../clock.ts";
import type { DialMapper, OpenDmiServer } from "../dmi/port.ts";
import type { EmitEvent } from "../events.ts";
import type { AgentLog } from "../log.ts";
import type { DesiredStore, RecordStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { BucketOptions } from "./bucket.ts";
import type { CallerOptions } from "./callers.ts";

/** How this node serves devices. */
export interface DeviceOptions {
  /** KubeEdge's is /etc/kubeedge/dmi.sock */
  readonly socketPath: string;
  /** connections of mappers at once, default 32 */
  readonly maxConnections?: number;
  /** least time between two frames of one device and kind, default 1 s */
  readonly minGapMs?: number;
  /** frames of devices without a reply yet, default 8 */
  readonly maxInFlight?: number;
  /** time for the cloud's reply, default 60 s as KubeEdge's resend */
  readonly requestTimeoutMs?: number;
  /** all devices are repeated within this time after a connect, default 5 s */
  readonly repeatSpreadMs?: number;
  /** least time between two writes of unconfirmed reports to disk, default 5 s */
  readonly writeBehindMs?: number;
  /** reports of all devices of one protocol; default 10,000/s, burst 20,000: some mappers report each property by itself */
  readonly reportRate?: BucketOptions;
  /** registrations of all mappers; default 1/s, burst 100, KubeEdge's limit for everything */
  readonly registerRate?: BucketOptions;
  /** default 64 */
  readonly maxMappers?: number;
  /** properties in one report, default 1,000: a device has no more */
  readonly maxReportTwins?: number;
  /** characters of one value, default 16,384 */
  readonly maxValueChars?: number;
  /** characters of all values that are held, default 16 Mi */
  readonly maxTotalChars?: number;
  /** calls to one mapper at once, default 4 */
  readonly maxMapperCalls?: number;
  /** a call to a mapper that runs for so long no longer holds up those behind it, default 1 s */
  readonly slowCallMs?: number;
  /** changes that come within this time are planned and judged together, but for the first, default 50 ms */
  readonly gatherMs?: number;
  /** between two looks whether a quiet mapper is there, default 2 s */
  readonly probeMs?: number;
  /** devices are offline when their mapper has not been there for so long, default 5 s */
  readonly unreachableAfterMs?: number;
}

/** What the room needs of the agent. */
export interface DeviceRoomDeps {
  readonly store: DesiredStore;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly openServer: OpenDmiServer;
  readonly dial: DialMapper;
  /** Path of a mapper's socket that may be dialled. @throws {DmiFault} */
  readonly address: (bytes: Uint8Array) => string;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly registry: Registry;
  readonly newId: () => string;
  readonly random: () => number;
  /** How mappers are known; by their word where it is absent. */
  readonly callers?: CallerOptions;
  /** Tells people what happens to a device; nobody where it is absent. */
  readonly emit?: EmitEvent;
  readonly options: DeviceOptions;
}

/** The part of the agent that serves devices. */
export interface DeviceRoom {
  /** The devices of this node, for those who do not speak DMI. */
  readonly book: DeviceBook;
  /** Goes on with the mappers that the records know, and opens the socket; if it cannot, it tries again. */
  start(): Promise<void>;
  /** Writes what is unconfirmed, and closes the socket. Mappers go on by themselves. */
  stop(): Promise<void>;
}
