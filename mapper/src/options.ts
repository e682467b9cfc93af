// SPDX-License-Identifier: Apache-2.0
import { MapperError } from "./errors.ts";

/** Limits and times; everything is optional in createMapper. Milliseconds and bytes. */
export interface MapperOptions {
  /** How often a property is read when it says nothing. Default 1 s. */
  readonly collectCycleMs: number;
  /** How often a property is reported when it says nothing. Default 10 s. */
  readonly reportCycleMs: number;
  /** How often a property with a push method is pushed when it says nothing. Default 1 s, as KubeEdge's mappers. */
  readonly pushCycleMs: number;
  /** How often the state is reported when the device says nothing. Default 10 s. */
  readonly stateCycleMs: number;
  /** Bounds of every cycle. Default 100 ms to 24 h. */
  readonly minCycleMs: number;
  readonly maxCycleMs: number;
  /** Deadline of each call of a driver. Default 5 s. */
  readonly driverTimeoutMs: number;
  /** How long a call may take to end after its abort before its handle is given up. Default 1 s. */
  readonly abortGraceMs: number;
  /** Calls given up and not yet ended, a device; at this many it is not opened again. Default 3. */
  readonly maxHungCalls: number;
  /** Failed calls in a row after which a device is offline and opened anew. Default 3. */
  readonly offlineAfterFailures: number;
  /** Pauses between attempts to open, write and report. Defaults 500 ms to 30 s. */
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Deadline of a registration. Default 1 s, as KubeEdge's mappers. */
  readonly registerTimeoutMs: number;
  /** Pauses between registrations. Defaults 200 ms to 5 s. */
  readonly registerBaseMs: number;
  readonly registerCapMs: number;
  /** Deadline of a report. Default 5 s. */
  readonly reportTimeoutMs: number;
  /** Reports to the edge at the same time. Default 8. */
  readonly maxReportsInFlight: number;
  readonly maxDevices: number;
  readonly maxModels: number;
  readonly maxPropertiesPerDevice: number;
  /** Requests of other programs (readings, methods) that wait for one device. Default 16. */
  readonly maxWaitingRequests: number;
  /** How long such a request may take, its waiting included. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** How long what waits to be pushed is waited for when the mapper stops. Default 5 s. */
  readonly flushTimeoutMs: number;
  /** A reading or desired value. Default 16 KiB. */
  readonly maxValueBytes: number;
  /** A gRPC message in either direction. Default 16 MiB. */
  readonly maxMessageBytes: number;
}

export const DEFAULT_OPTIONS: MapperOptions = {
  collectCycleMs: 1_000,
  reportCycleMs: 10_000,
  pushCycleMs: 1_000,
  stateCycleMs: 10_000,
  minCycleMs: 100,
  maxCycleMs: 24 * 3_600_000,
  driverTimeoutMs: 5_000,
  abortGraceMs: 1_000,
  maxHungCalls: 3,
  offlineAfterFailures: 3,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  registerTimeoutMs: 1_000,
  registerBaseMs: 200,
  registerCapMs: 5_000,
  reportTimeoutMs: 5_000,
  maxReportsInFlight: 8,
  maxDevices: 1_000,
  maxModels: 1_000,
  maxPropertiesPerDevice: 256,
  maxWaitingRequests: 16,
  requestTimeoutMs: 10_000,
  flushTimeoutMs: 5_000,
  maxValueBytes: 16 * 1024,
  maxMessageBytes: 16 * 1024 * 1024,
};

const ORDERED = [
  ["minCycleMs", "maxCycleMs"],
  ["retryBaseMs", "retryCapMs"],
  ["registerBaseMs", "registerCapMs"],
] as const;

/** @throws {MapperError} OPTION_INVALID naming every option that is no positive number, or above its pair */
export function withDefaults(given: Partial<MapperOptions> = {}): MapperOptions {
  const options = { ...DEFAULT_OPTIONS, ...given };
  const wrong = Object.entries(options).filter(([, value]) => !(Number.isFinite(value) && value > 0));
  const faults = [
    ...wrong.map(([name]) => `${name} must be a positive number`),
    ...ORDERED.filter(([low, high]) => options[low] > options[high]).map(
      ([low, high]) => `${low} is above ${high}`,
    ),
  ];
  if (faults.length > 0) throw new MapperError("OPTION_INVALID", faults.join("; "));
  return options;
}
