// SPDX-License-Identifier: Apache-2.0
import type { WatchEvent, Watcher } from "../api/watch.ts";
import type { Client, KubeObject, Resource } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import { isNotFound } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ReflectorObserver } from "./cache-metrics.ts";
import { createBackoff } from "./backoff.ts";
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
  /** Shortest time between two complete lists; default 10 s. */
  readonly minRelistMs?: number;
  /** Default 800 ms to 30 s, as client-go's. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
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

/** A missing kind (its CRD is not installed yet) is asked for again after this long, as controller-runtime does. */
const MISSING_KIND_MS = 10_000;
/** A watch that ends sooner and without an event did not work. */
const SHORT_WATCH_MS = 1000;

/**
 * Mirrors one kind into a sink: paged list, watch with bookmarks from there, list again when the position is too
 * old or refused. A broken connection continues at the last position. Deletions missed in between are derived
 * from the next list.
 */
export function createReflector<T extends KubeObject>(deps: ReflectorDeps<T>): Reflector {
  const { client, selection, sink, clock, log, observer, tuning = {} } = deps;
  const { resource, ...query } = selection;
  const kind = resource.kind;
  const backoff = createBackoff(tuning.backoff ?? { baseMs: 800, capMs: 30_000 });
  /** Where to continue; undefined: list first. */
  let position: string | undefined;
  let listedAtMs = -Infinity;

  const trim = (object: T): T => {
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    return deps.transform === undefined ? object : deps.transform(object);
  };

  const list = async (signal: AbortSignal): Promise<void> => {
    await pause(clock, listedAtMs + (tuning.minRelistMs ?? 10_000) - clock.nowMs(), signal);
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
        timeoutMs: 60_000,
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
    listedAtMs = clock.nowMs();
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

  const follow = async (
    resourceVersion: string,
    timeoutSeconds: number,
    guard: StallGuard,
  ): Promise<number> => {
    let events = 0;
    const options = { ...query, resourceVersion, timeoutSeconds, signal: guard.signal };
    for await (const event of client.watch<T>(resource, options)) {
      guard.alive();
      events++;
      take(event);
      backoff.reset();
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
      const isAgain = listedAtMs > -Infinity;
      try {
        await list(signal);
      } catch (error) {
        position = undefined; // half a list is no position
        throw error;
      }
      if (isAgain) log.info({ kind }, "listed again");
      return;
    }
    await watch(position, signal);
  };

  const recover = async (error: unknown, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
    const reason = reasonOf(error);
    observer?.failed(reason);
    if (mustRelist(error)) position = undefined;
    const delayMs = isNotFound(error) ? MISSING_KIND_MS : reason === "stalled" ? 0 : backoff.nextMs();
    const fields = { kind, reason, delayMs: Math.round(delayMs), relist: position === undefined, err: error };
    if (reason === "expired") log.info(fields, "watch position is too old");
    else log.warn(fields, "list or watch failed");
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
