// SPDX-License-Identifier: Apache-2.0
import type { WatchEvent, Watcher } from "../api/watch.ts";
import type { Client, KubeObject, Resource } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { createBucketLimiter } from "../queue/rate-limiter.ts";
import type { BackoffLimits } from "./backoff.ts";
import type { ReflectorObserver } from "./cache-metrics.ts";
import { createFailureLog } from "./failure-log.ts";
import { createRetryDelay } from "./retry-delay.ts";
import { storeKey } from "./store.ts";
import { createStallGuard, type StallGuard } from "./stall-guard.ts";
import { mustRelist, reasonOf, WatchFailure } from "./watch-failure.ts";

/** What one informer holds of a kind. */
export interface Selection {
  readonly resource: Resource;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Neither spec nor data: secrets never enter our memory. */
  readonly metadataOnly?: boolean;
}

export interface ReflectorTuning {
  /** Objects a page; default 500. */
  readonly pageSize?: number;
  /**
   * The server ends a watch after this long and sends a bookmark 2 s before, so a fresh position is certain;
   * default 50 s, shortened by up to a tenth at random. With `stallMs` it bounds how long a dead connection
   * goes unnoticed.
   */
  readonly watchTimeoutMs?: number;
  /** A watch that is silent for its whole timeout and this much longer is dead; default 8 s. */
  readonly stallMs?: number;
  /** Three complete lists may follow each other, from then on one in this time; default 10 s. */
  readonly minRelistMs?: number;
  /** After what the server answered, or did not in time. Default 800 ms to 30 s, as client-go's. */
  readonly backoff?: BackoffLimits;
  /**
   * While the server cannot be reached or a connection breaks. Default 250 ms to 3 s, so that its return is
   * noticed within 3 s; each delay is drawn from 0 on, so that those who wait do not come together.
   */
  readonly reconnect?: BackoffLimits;
  /**
   * The most that Retry-After is believed; default 60 s. A server that starts says 5 s for kinds of CRDs, which
   * may outlast its readiness.
   */
  readonly maxRetryAfterMs?: number;
}

/** Takes what the reflector sees. */
export interface ReflectorSink<T extends KubeObject> {
  upsert(object: T): void;
  remove(object: T): void;
  /** A list is complete: whatever is not in `keys` was deleted unseen. */
  listed(keys: ReadonlySet<string>): void;
}

export interface ReflectorDeps<T extends KubeObject> {
  readonly client: Pick<Client, "list"> & Watcher;
  readonly selection: Selection;
  readonly sink: ReflectorSink<T>;
  /** Trims an object as soon as it is parsed; managedFields are gone already. */
  readonly transform?: ((object: T) => T) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: ReflectorObserver | undefined;
  readonly tuning?: ReflectorTuning | undefined;
}

export interface Reflector {
  /** Lists and watches until the signal aborts; no failure ends it. */
  run(signal: AbortSignal): Promise<void>;
}

/** A watch that ends sooner and without an event did not work; one that lives longer does. */
const SHORT_WATCH_MS = 1000;
/** More lists than the first that may follow each other at once. A server that starts may forget a position twice. */
const RELIST_BURST = 2;
/** A page takes far less; until then a connection that swallows goes unnoticed. */
const LIST_TIMEOUT_MS = 30_000;

/**
 * Mirrors one kind into a sink: paged list, watch with bookmarks from there, list again when the position is too
 * old or refused. A broken connection continues at the last position. Deletions missed in between are derived
 * from the next list.
 */
export function createReflector<T extends KubeObject>(deps: ReflectorDeps<T>): Reflector {
  const { client, selection, sink, clock, log, observer, tuning = {} } = deps;
  const { resource, ...query } = selection;
  const kind = resource.kind;
  const delay = createRetryDelay({
    answered: tuning.backoff ?? { baseMs: 800, capMs: 30_000 },
    reconnect: tuning.reconnect ?? { baseMs: 250, capMs: 3000 },
    maxRetryAfterMs: tuning.maxRetryAfterMs,
  });
  const failures = createFailureLog(kind, clock, log);
  const relists = createBucketLimiter({
    clock,
    perSecond: 1000 / (tuning.minRelistMs ?? 10_000),
    burst: RELIST_BURST,
  });
  /** Where to continue; undefined: list first. */
  let position: string | undefined;
  let nextListAtMs = -Infinity;

  const trim = (object: T): T => {
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    return deps.transform === undefined ? object : deps.transform(object);
  };

  const list = async (signal: AbortSignal): Promise<void> => {
    await pause(clock, nextListAtMs - clock.nowMs(), signal);
    const keys = new Set<string>();
    let next: string | undefined;
    observer?.listed();
    // Without a resourceVersion: with "0" the server ignores the limit, and may answer with an older state.
    do {
      const limit = tuning.pageSize ?? 500;
      const options = {
        ...query,
        limit,
        signal,
        timeoutMs: LIST_TIMEOUT_MS,
        ...(next !== undefined && { continue: next }),
      };
      const page = await client.list<T>(resource, options);
      for (const object of page.items) {
        keys.add(storeKey(object.metadata));
        sink.upsert(trim(object));
      }
      next = page.continue;
      position = page.resourceVersion;
    } while (next !== undefined);
    sink.listed(keys);
    nextListAtMs = clock.nowMs() + relists.when(kind);
    delay.answered();
    failures.listed();
  };

  const take = (event: WatchEvent<T>): void => {
    const at = event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
    if (position !== undefined && isOlder(at, position)) throw new WatchFailure("disordered");
    position = at;
    if (event.type === "BOOKMARK") return;
    const object = trim(event.object);
    if (event.type === "DELETED") sink.remove(object);
    else sink.upsert(object);
  };

  const worked = (): void => {
    delay.worked();
    failures.worked();
  };

  const follow = async (
    resourceVersion: string,
    timeoutSeconds: number,
    guard: StallGuard,
  ): Promise<number> => {
    let events = 0;
    let cancel: () => void = () => undefined;
    const opened = (): void => void (cancel = clock.schedule(SHORT_WATCH_MS, worked));
    const options = { ...query, resourceVersion, timeoutSeconds, signal: guard.signal, opened };
    try {
      for await (const event of client.watch<T>(resource, options)) {
        guard.alive();
        events++;
        take(event);
        worked();
      }
    } finally {
      cancel();
    }
    return events;
  };

  const watch = async (resourceVersion: string, signal: AbortSignal): Promise<void> => {
    const timeoutMs = (tuning.watchTimeoutMs ?? 50_000) * (1 - Math.random() / 10);
    const timeoutSeconds = Math.max(1, Math.round(timeoutMs / 1000));
    const guard = createStallGuard(clock, timeoutSeconds * 1000 + (tuning.stallMs ?? 8000), signal);
    const startedAtMs = clock.nowMs();
    observer?.watched();
    try {
      const events = await follow(resourceVersion, timeoutSeconds, guard);
      const isShort = events === 0 && clock.nowMs() - startedAtMs < SHORT_WATCH_MS;
      if (isShort && !signal.aborted) throw new WatchFailure("short");
    } catch (error) {
      if (!guard.stalled) throw error;
    } finally {
      guard.clear();
    }
    if (guard.stalled) throw new WatchFailure("stalled");
  };

  const step = async (signal: AbortSignal): Promise<void> => {
    if (position === undefined) {
      try {
        await list(signal);
      } catch (error) {
        position = undefined; // half a list is no position
        throw error;
      }
      return;
    }
    await watch(position, signal);
  };

  const recover = async (error: unknown, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
    const reason = reasonOf(error);
    observer?.failed(reason);
    const delayMs = delay.nextMs(error, position === undefined ? "list" : "watch");
    if (mustRelist(error)) position = undefined;
    failures.failed({ reason, delayMs, relist: position === undefined, err: error });
    await pause(clock, delayMs, signal);
  };

  return {
    async run(signal) {
      while (!signal.aborted) await step(signal).catch((error: unknown) => recover(error, signal));
    },
  };
}

/** Versions of one kind grow; decimal strings compare by length, then bytes. */
const isOlder = (a: string, b: string): boolean => a.length < b.length || (a.length === b.length && a < b);
