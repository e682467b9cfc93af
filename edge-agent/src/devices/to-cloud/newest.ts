// SPDX-License-Identifier: Apache-2.0

/** A value, and when it held (milliseconds since the epoch). */
export interface Sample {
  readonly value: string;
  readonly timestampMs: number;
  /** The mapper wrote the time; otherwise it is that of arrival, which says nothing about order. */
  readonly isStamped?: boolean;
}

/** A sample as it is held. */
export interface HeldSample extends Sample {
  /** by the clock that never goes back */
  readonly arrivedMs: number;
}

/** What both clocks of the agent say. */
export interface Now {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** For so long after its arrival a sample holds off older ones: what comes later still tells of a clock set back. */
export const MAX_HOLD_MS = 60_000;
/** A time further ahead of the agent's own clock is of a clock that is wrong, and holds nobody off; as in the hub. */
export const MAX_AHEAD_MS = 10 * 60_000;

/**
 * Whether a sample is older than the one that is held, and came late.
 *
 * The newer by the mappers' times wins. The order of arrival decides where the times are equal or either has none,
 * where the held time lies more than `MAX_AHEAD_MS` ahead of the agent's clock, and where the held sample came
 * `MAX_HOLD_MS` ago or earlier. So no step of any clock, forward or back, holds a property off for longer than that.
 */
export function isLate(held: HeldSample, given: Sample, { nowMs, monotonicMs }: Now): boolean {
  if (held.isStamped !== true || given.isStamped !== true) return false;
  if (held.timestampMs > nowMs + MAX_AHEAD_MS || monotonicMs - held.arrivedMs >= MAX_HOLD_MS) return false;
  return given.timestampMs < held.timestampMs;
}

/** What is to be held from now on. */
export function newestOf(
  held: HeldSample | undefined,
  given: Sample | undefined,
  now: Now,
): HeldSample | undefined {
  if (given === undefined || (held !== undefined && isLate(held, given, now))) return held;
  return { ...given, arrivedMs: now.monotonicMs };
}
