// SPDX-License-Identifier: Apache-2.0

/** What is counted. Names are API. */
export const COUNTER_NAMES = [
  "opens",
  "openFailures",
  "reads",
  "readFailures",
  "writes",
  "writeFailures",
  /** a driver call went on after its deadline and the abort: its handle was given up */
  "driverHangs",
  /** methods of devices that were called */
  "methodCalls",
  "methodFailures",
  /** streams that were started, again too */
  "streams",
  "streamFailures",
  /** requests of other programs that found so many waiting already */
  "refusedRequests",
  "reports",
  "reportFailures",
  "stateReports",
  "stateReportFailures",
  "registrations",
  "registrationFailures",
  /** a device, model, property, method or push method of the edge that was not taken */
  "refusedInput",
  /** a desired value that was not written: wrong type, out of range, read-only */
  "refusedDesired",
  /** a reading that is not of the property's type, or too long */
  "refusedReadings",
  /** a reading outside minimum and maximum: reported all the same, for it is what the device says */
  "readingsOutOfRange",
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

/** Counts events of the mapper. */
export interface Counters {
  add(name: CounterName): void;
  readonly read: () => Readonly<Record<CounterName, number>>;
}

/** @param onCount called with each event too, to feed a metrics library */
export function createCounters(onCount?: (name: CounterName) => void): Counters {
  const counts = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<CounterName, number>;
  return {
    add: (name) => {
      counts[name]++;
      onCount?.(name);
    },
    read: () => ({ ...counts }),
  };
}
