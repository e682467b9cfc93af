// SPDX-License-Identifier: Apache-2.0
// When things are due. Pure: times come in, times go out; all are of the clock that never goes back.

/** Something that comes round. */
export interface Cycle {
  readonly cycleMs: number;
  /** When it is due next. */
  readonly dueMs: number;
}

/** Due at once, then every `cycleMs`. */
export const startCycle = (cycleMs: number, nowMs: number): Cycle => ({ cycleMs, dueMs: nowMs });

/** After a run: on the beat of the last one, and what was missed meanwhile is not made up for. */
export function afterRun({ cycleMs, dueMs }: Cycle, nowMs: number): Cycle {
  const next = dueMs + cycleMs;
  return { cycleMs, dueMs: next > nowMs ? next : nowMs + cycleMs };
}

/** With another period: never later than a new period from now, never earlier than a period after the last run. */
export function withPeriod(cycle: Cycle, cycleMs: number, nowMs: number): Cycle {
  if (cycle.cycleMs === cycleMs) return cycle;
  return {
    cycleMs,
    dueMs: Math.min(Math.max(cycle.dueMs - cycle.cycleMs + cycleMs, nowMs), nowMs + cycleMs),
  };
}

export const isDue = (dueMs: number, nowMs: number): boolean => dueMs <= nowMs;

/** Milliseconds until the first of these; undefined when there is none. */
export function untilNext(duesMs: Iterable<number>, nowMs: number): number | undefined {
  let first = Number.POSITIVE_INFINITY;
  for (const dueMs of duesMs) first = Math.min(first, dueMs);
  return first === Number.POSITIVE_INFINITY ? undefined : Math.max(0, first - nowMs);
}
