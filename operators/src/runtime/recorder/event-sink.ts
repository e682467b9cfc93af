// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";
import type { Client, Resource } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import { ApiError, isNotFound } from "../errors.ts";
import type { Log } from "../log.ts";
import { microTime } from "../manager/lease.ts";
import { eventName, seriesKey, type EventBody } from "./event-body.ts";

export const EVENTS: Resource = {
  group: "events.k8s.io",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

export interface EventSinkDeps {
  readonly client: Pick<Client, "create" | "patch">;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry?: Registry;
  /** Events that wait to be written; more are dropped. Default 1000. */
  readonly maxQueued?: number;
  /** Events remembered so that a repeat becomes a count. Default 4096. */
  readonly maxSeries?: number;
  /** Shortest time between two writes of one series; default 10 s. */
  readonly seriesEveryMs?: number;
}

export interface EventSink {
  /** Returns at once; the event is written later, or counted as dropped. */
  record(body: EventBody): void;
  /** Writes what is queued, for at most 5 s. */
  stop(): Promise<void>;
}

interface Series {
  readonly body: EventBody;
  readonly name: string;
  count: number;
  lastSeenMs: number;
  lastWriteMs: number;
  written: "no" | "queued" | "yes";
}

/** client-go's: a series is over when its event did not come for this long. */
const SERIES_ENDS_MS = 6 * 60_000;
const ATTEMPTS = 3;
const STOP_MS = 5000;

/**
 * Writes events one after another, in the background. A repeat of an event raises the count of the first one
 * instead of being written. Never a control signal: anything may be dropped, with a counter.
 */
export function createEventSink(deps: EventSinkDeps): EventSink {
  const { client, clock, log, maxQueued = 1000, maxSeries = 4096, seriesEveryMs = 10_000 } = deps;
  const dropped = deps.registry && createDropCounter(deps.registry);
  const known = new Map<string, Series>();
  const queue: Series[] = [];
  const stopped = new AbortController();
  let worker: Promise<void> | undefined;

  const create = async (s: Series): Promise<void> => {
    const { wallMs, ...body } = s.body;
    const metadata = { name: s.name, namespace: body.regarding.namespace ?? "default" };
    await client.create(EVENTS, { ...body, metadata, eventTime: microTime(wallMs) });
    s.written = "yes";
  };
  const count = async (s: Series): Promise<void> => {
    const series = { count: s.count, lastObservedTime: microTime(s.lastSeenMs) };
    const name = { name: s.name, namespace: s.body.regarding.namespace ?? "default" };
    await client.patch(EVENTS, name, { type: "merge", body: { series } });
  };
  const write = async (s: Series): Promise<void> => {
    const isNew = s.written !== "yes";
    s.lastWriteMs = clock.wallMs();
    await (isNew ? create(s) : count(s));
  };
  const drop = (s: Series, reason: "overflow" | "refused" | "unavailable", error?: unknown): void => {
    dropped?.inc({ reason });
    known.delete(seriesKey(s.body));
    log.debug({ reason: s.body.reason, why: reason, err: error }, "event dropped");
  };
  const deliver = async (s: Series): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await write(s);
        return;
      } catch (error) {
        const mayRetry =
          error instanceof ApiError && error.retryable && attempt < ATTEMPTS && !stopped.signal.aborted;
        if (!mayRetry) {
          drop(
            s,
            isNotFound(error) || !(error instanceof ApiError && error.retryable) ? "refused" : "unavailable",
            error,
          );
          return;
        }
        await pause(clock, 1000 * attempt, stopped.signal);
      }
    }
  };
  const drain = async (): Promise<void> => {
    for (let s = queue.shift(); s !== undefined; s = queue.shift()) await deliver(s);
    worker = undefined;
  };
  const enqueue = (s: Series): void => {
    if (queue.length >= maxQueued) {
      drop(s, "overflow");
      return;
    }
    queue.push(s);
    worker ??= drain();
  };
  const repeat = (s: Series, nowMs: number): void => {
    s.count++;
    s.lastSeenMs = nowMs;
    if (s.written === "yes" && nowMs - s.lastWriteMs >= seriesEveryMs) enqueue(s);
  };

  return {
    record(body) {
      if (stopped.signal.aborted) return;
      const key = seriesKey(body);
      const same = known.get(key);
      known.delete(key); // and to the end again, so that the oldest is first
      if (same !== undefined && body.wallMs - same.lastSeenMs < SERIES_ENDS_MS) {
        known.set(key, same);
        repeat(same, body.wallMs);
        return;
      }
      const fresh: Series = {
        body,
        name: eventName(body),
        count: 1,
        lastSeenMs: body.wallMs,
        lastWriteMs: 0,
        written: "queued",
      };
      known.set(key, fresh);
      const oldest = known.size > maxSeries ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      enqueue(fresh);
    },
    async stop() {
      for (const s of known.values()) if (s.count > 1 && s.written === "yes") enqueue(s);
      const drained = worker ?? Promise.resolve();
      await Promise.race([drained, pause(clock, STOP_MS, stopped.signal)]);
      stopped.abort();
    },
  };
}

function createDropCounter(registry: Registry): Counter<"reason"> {
  return new Counter({
    name: "longshore_events_dropped_total",
    help: "Kubernetes events that were not written",
    labelNames: ["reason"],
    registers: [registry],
  });
}
