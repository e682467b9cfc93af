// SPDX-License-Identifier: Apache-2.0
// The desired value of one property, from the plan to the device.
import { pauseMs, type Pauses } from "../backoff.ts";
import type { Value } from "../driver.ts";
import { MapperError } from "../errors.ts";
import { allowedValue } from "./allowed.ts";
import type { Entry } from "./entries.ts";
import { withSettledDesired } from "./twin.ts";

/**
 * The desired value for the driver.
 *
 * @param canWrite the driver has a `write`
 * @throws {MapperError} VALUE_INVALID: it will never be written
 */
export function desiredValue({ plan }: Entry, canWrite: boolean, maxBytes: number): Value {
  if (!canWrite) throw new MapperError("VALUE_INVALID", "the driver does not write");
  if (Buffer.byteLength(plan.desired) > maxBytes) throw new MapperError("VALUE_INVALID", "too long");
  return allowedValue(plan);
}

/** It will never be written: not tried again until it changes. */
export function refuseDesired(entry: Entry, desired: string): void {
  entry.twin = withSettledDesired(entry.twin, desired);
  entry.isDesiredFailing = true;
}

/** It was written. */
export function settleDesired(entry: Entry, desired: string, nowMs: number): void {
  entry.twin = withSettledDesired(entry.twin, desired);
  entry.writeFailures = 0;
  entry.isDesiredFailing = false;
  askAtOnce(entry, nowMs);
}

/** The device was told something: what it made of it is read and reported at once. */
export function askAtOnce(entry: Entry, nowMs: number): void {
  entry.collect = { ...entry.collect, dueMs: nowMs };
  if (entry.report) entry.report = { ...entry.report, dueMs: nowMs };
}

/** It could not be written: later again. Returns whether that is the first time; false where another one is due. */
export function postponeDesired(entry: Entry, desired: string, nowMs: number, pauses: Pauses): boolean {
  if (entry.plan.desired !== desired) return false;
  entry.writeDueMs = nowMs + pauseMs(entry.writeFailures++, pauses);
  const isFirst = !entry.isDesiredFailing;
  entry.isDesiredFailing = true;
  return isFirst;
}
