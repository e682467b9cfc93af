// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../src/clock.ts";
import type { AgentLog } from "../../src/log.ts";
import type { TunnelMetrics } from "../../src/tunnel/index.ts";

export interface FakeClock extends Clock {
  /** Moves both clocks and runs what became due, in order. */
  advance(ms: number): void;
  /** Delays of what waits, nearest first. */
  waiting(): number[];
}

/** A clock that stands still until it is moved. */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsedMs = 0;
  const timers = new Set<{ atMs: number; fn: () => void }>();
  const next = () => [...timers].sort((a, b) => a.atMs - b.atMs)[0];
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    schedule: (delayMs, fn) => {
      const timer = { atMs: elapsedMs + delayMs, fn };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    waiting: () => [...timers].map(({ atMs }) => atMs - elapsedMs).sort((a, b) => a - b),
    advance: (ms) => {
      const endMs = elapsedMs + ms;
      for (let timer = next(); timer !== undefined && timer.atMs <= endMs; timer = next()) {
        timers.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.atMs);
        timer.fn();
      }
      elapsedMs = endMs;
    },
  };
}

export interface FakeLog extends AgentLog {
  readonly lines: string[];
}

/** Keeps the text of every line. */
export function fakeLog(): FakeLog {
  const lines: string[] = [];
  const write = (...args: unknown[]): void => {
    lines.push(args.map((arg) => (typeof arg === "string" ? arg : JSON.stringify(arg, errors))).join(" "));
  };
  return { lines, error: write, warn: write, info: write, debug: write };
}

const errors = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message } : value;

export interface FakeMetrics extends TunnelMetrics {
  readonly counts: Map<string, number>;
}

/** Counts under `name:label:label`. */
export function fakeMetrics(): FakeMetrics {
  const counts = new Map<string, number>();
  const add = (...parts: unknown[]): void =>
    void counts.set(parts.join(":"), (counts.get(parts.join(":")) ?? 0) + 1);
  return {
    counts,
    rejected: (surface, reason) => add("rejected", surface, reason),
    stored: (outcome) => add("stored", outcome),
    dialed: (result) => add("dialed", result),
    connected: () => undefined,
    takenOver: () => add("takenOver"),
    identityConflict: (isConflict) => void counts.set("identityConflict", isConflict ? 1 : 0),
    streamed: (direction, bytes) =>
      void counts.set(`streamed:${direction}`, (counts.get(`streamed:${direction}`) ?? 0) + bytes),
  };
}

/** Waits until `condition` holds, looking once a turn of the event loop; fails after `timeoutMs` of real time. */
export async function until(condition: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What `fn` throws; undefined when it does not. */
export function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}
