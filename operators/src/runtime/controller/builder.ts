// SPDX-License-Identifier: Apache-2.0
import type { InformerOptions } from "../cache/cache.ts";
import type { KubeObject, Resource } from "../client.ts";
import type { Manager } from "../manager/manager.ts";
import { createClassicQueue } from "../queue/classic-queue.ts";
import { createPriorityQueue } from "../queue/priority-queue.ts";
import { createClassicLimiter, createExponentialLimiter, type RateLimiter } from "../queue/rate-limiter.ts";
import { createController, type Controller } from "./controller.ts";
import type { EventHandler, Predicate } from "./event.ts";
import { enqueueOwner, enqueueSelf, type OwnerOptions } from "./handler.ts";
import type { Reconciler } from "./reconciler.ts";
import { createKindSource, type Source } from "./source.ts";

export interface WatchSettings<T extends KubeObject> extends InformerOptions<T> {
  /** All must pass. */
  readonly predicates?: readonly Predicate<T>[];
}

export interface ControllerSettings {
  readonly maxConcurrentReconciles?: number;
  readonly reconcileTimeoutMs?: number;
  readonly cacheSyncTimeoutMs?: number;
  /** Default: per key 5 ms to 1000 s. Name your own. */
  readonly limiter?: RateLimiter;
  /** Default "priority". */
  readonly queue?: "priority" | "classic";
  readonly needsLeaderElection?: boolean;
}

export interface Builder {
  /** The kind that is reconciled: enqueues itself. Exactly once. */
  for<T extends KubeObject>(resource: Resource, settings?: WatchSettings<T>): Builder;
  /** A kind that is created by the reconciler: enqueues its owner of the `for` kind. */
  owns<T extends KubeObject>(resource: Resource, settings?: WatchSettings<T> & OwnerOptions): Builder;
  /** Any kind, with an own mapping to requests. */
  watches<T extends KubeObject>(
    resource: Resource,
    handler: EventHandler<T>,
    settings?: WatchSettings<T>,
  ): Builder;
  /** A source of another kind; global predicates do not apply. */
  watchesRaw(source: Source): Builder;
  /** Unique in the process, for metrics and logs; default the lower-cased kind. */
  named(name: string): Builder;
  /** Predicates of all `for`, `owns` and `watches`. */
  withPredicates(...predicates: readonly Predicate[]): Builder;
  withSettings(settings: ControllerSettings): Builder;
  /** Makes the controller and adds it to the manager. @throws Error when the wiring is wrong */
  complete(reconciler: Reconciler): Controller;
}

interface Watch {
  readonly resource: Resource;
  readonly settings: WatchSettings<never>;
  /** Known only when the `for` kind is. */
  handler(): EventHandler<never>;
}

/** Wires a reconciler to what it watches. */
export function newController(manager: Manager): Builder {
  const watches: Watch[] = [];
  const raw: Source[] = [];
  let forKind: Resource | undefined;
  let name: string | undefined;
  let global: readonly Predicate[] = [];
  let settings: ControllerSettings = {};

  const add = <T extends KubeObject>(
    r: Resource,
    s: WatchSettings<T> | undefined,
    h: () => EventHandler<T>,
  ): Builder => {
    watches.push({
      resource: r,
      settings: (s ?? {}) as unknown as WatchSettings<never>,
      handler: h as Watch["handler"],
    });
    return builder;
  };
  const owner = (): Resource => {
    if (forKind === undefined) throw new Error("owns() needs for()");
    return forKind;
  };
  const builder: Builder = {
    for(resource, own) {
      if (forKind !== undefined) throw new Error("for() may be called only once");
      forKind = resource;
      return add(resource, own, () => enqueueSelf);
    },
    owns: (resource, own) => add(resource, own, () => enqueueOwner(owner(), own)),
    watches: (resource, handler, own) => add(resource, own, () => handler),
    watchesRaw(source) {
      raw.push(source);
      return builder;
    },
    named(given) {
      name = given;
      return builder;
    },
    withPredicates(...predicates) {
      global = predicates;
      return builder;
    },
    withSettings(given) {
      settings = given;
      return builder;
    },
    complete(reconciler) {
      if (watches.length + raw.length === 0) throw new Error("a controller must watch something");
      const controllerName = name ?? forKind?.kind.toLowerCase();
      if (controllerName === undefined) throw new Error("a controller without for() needs a name");
      const sources = [...watches.map((watch) => kindSource(manager, watch, global)), ...raw];
      return assemble(manager, { name: controllerName, reconciler, sources, settings });
    },
  };
  return builder;
}

function kindSource(manager: Manager, watch: Watch, global: readonly Predicate[]): Source {
  const {
    predicates = [],
    namespace,
    labelSelector,
    fieldSelector,
    metadataOnly,
    transform,
  } = watch.settings;
  const informer = manager.cache.informer<never>(watch.resource, {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(metadataOnly !== undefined && { metadataOnly }),
    ...(transform !== undefined && { transform }),
  });
  return createKindSource<never>({
    informer,
    handler: watch.handler(),
    predicates: [...global, ...predicates],
  });
}

interface Assembly {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
  readonly settings: ControllerSettings;
}

function assemble(manager: Manager, { name, reconciler, sources, settings }: Assembly): Controller {
  manager.claimControllerName(name);
  const { clock, log, metrics } = manager;
  const observer = metrics.queue.observe(name);
  const isClassic = settings.queue === "classic";
  const limiter = settings.limiter ?? (isClassic ? createClassicLimiter(clock) : createExponentialLimiter());
  const queue = (isClassic ? createClassicQueue : createPriorityQueue)({ clock, limiter, observer });
  const controller = createController({
    ...settings,
    name,
    reconciler,
    sources,
    queue,
    clock,
    log,
    observer: metrics.controller.observe(name, settings.maxConcurrentReconciles ?? 1),
  });
  manager.add(controller);
  return controller;
}
