// SPDX-License-Identifier: Apache-2.0
import type { Watcher } from "../api/watch.ts";
import type { Client, KubeObject, Resource } from "../client.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { CacheMetrics } from "./cache-metrics.ts";
import { createInformer, type Informer, type RunnableInformer } from "./informer.ts";
import type { ReflectorTuning, Selection } from "./reflector.ts";

export interface InformerOptions<T extends KubeObject> extends Omit<Selection, "resource"> {
  /** Trims an object as soon as it is parsed. All that ask for one informer must give the same function. */
  readonly transform?: (object: T) => T;
}

/** The informers of a process; each is shared by all that ask for the same selection. */
export interface Cache {
  /** One asked for after start() is started at once. */
  informer<T extends KubeObject>(resource: Resource, options?: InformerOptions<T>): Informer<T>;
  /** Runs all informers until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>;
  /** Kinds that have not synced. */
  unsynced(): readonly string[];
}

export interface CacheDeps {
  readonly client: Pick<Client, "list"> & Watcher;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: CacheMetrics | undefined;
  readonly tuning?: ReflectorTuning | undefined;
  readonly resyncMs?: number | undefined;
}

interface Entry {
  readonly informer: RunnableInformer;
  readonly transform: unknown;
}

export function createCache(deps: CacheDeps): Cache {
  const entries = new Map<string, Entry>();
  const running: Promise<void>[] = [];
  let started: AbortSignal | undefined;

  const create = <T extends KubeObject>(
    resource: Resource,
    options: InformerOptions<T>,
  ): RunnableInformer<T> => {
    const { transform, ...selection } = options;
    return createInformer<T>({
      ...deps,
      selection: { resource, ...selection },
      transform,
      observer: deps.metrics?.observe(resource.kind),
    });
  };
  return {
    informer<T extends KubeObject>(resource: Resource, options: InformerOptions<T> = {}): Informer<T> {
      const { transform, ...selection } = options;
      const key = JSON.stringify([resource.group, resource.version, resource.plural, selection]);
      const known = entries.get(key);
      if (known !== undefined) {
        if (transform !== undefined && known.transform !== transform) {
          throw new RangeError(`two different transforms were given for ${resource.kind}`);
        }
        return known.informer as Informer as Informer<T>;
      }
      const informer = create(resource, options);
      entries.set(key, { informer, transform });
      if (started !== undefined) running.push(informer.run(started));
      return informer;
    },
    async start(signal) {
      started = signal;
      for (const { informer } of entries.values()) running.push(informer.run(signal));
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await Promise.all(running);
    },
    async synced() {
      await Promise.all([...entries.values()].map(({ informer }) => informer.synced()));
    },
    unsynced: () =>
      [...entries.values()].filter((e) => !e.informer.hasSynced()).map((e) => e.informer.resource.kind),
  };
}
