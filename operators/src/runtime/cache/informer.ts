// SPDX-License-Identifier: Apache-2.0
import { setImmediate as yieldToLoop } from "node:timers/promises";
import type { KubeObject, Resource } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import type { ObjectEvent } from "../controller/event.ts";
import { createReflector, type ReflectorDeps, type ReflectorSink } from "./reflector.ts";
import { createStore, storeKey, type IndexFn, type Reader, type Store } from "./store.ts";

export interface Informer<T extends KubeObject = KubeObject> extends Reader<T> {
  readonly resource: Resource;
  /** Before the reads that use it; a second index of one name is an error. */
  addIndex(name: string, fn: IndexFn<T>): void;
  /** Called with each event, in order; first with what is there already, as initial creations. Must not block. */
  addHandler(handler: (event: ObjectEvent<T>) => void): void;
  /** The first list is complete, and every handler was given all of it. */
  hasSynced(): boolean;
  /** Resolves when hasSynced() turns true. */
  synced(): Promise<void>;
}

export interface RunnableInformer<T extends KubeObject = KubeObject> extends Informer<T> {
  run(signal: AbortSignal): Promise<void>;
}

export interface InformerDeps<T extends KubeObject> extends Omit<ReflectorDeps<T>, "sink"> {
  /** Each object is replayed as an unchanged update about this often; default 10 h ± 10 %. */
  readonly resyncMs?: number | undefined;
}

const DEFAULT_RESYNC_MS = 10 * 3600 * 1000;
const RESYNC_BATCH = 1000;

/** One kind in memory, kept current, with handlers that hear of each change. */
export function createInformer<T extends KubeObject>(deps: InformerDeps<T>): RunnableInformer<T> {
  const { clock, log } = deps;
  const resource = deps.selection.resource;
  const store = createStore<T>();
  const handlers: ((event: ObjectEvent<T>) => void)[] = [];
  let isSynced = false;
  let resolveSynced: () => void = () => undefined;
  const synced = new Promise<void>((resolve) => (resolveSynced = resolve));

  const tell = (handler: (event: ObjectEvent<T>) => void, event: ObjectEvent<T>): void => {
    try {
      handler(event);
    } catch (error) {
      deps.observer?.handlerFailed();
      log.error(
        { kind: resource.kind, key: storeKey(event.object.metadata), err: error },
        "event handler failed",
      );
    }
  };
  const emit = (event: ObjectEvent<T>): void => handlers.forEach((handler) => tell(handler, event));
  const sink = createSink(store, {
    emit,
    isInitial: () => !isSynced,
    onStale: () => deps.observer?.droppedStale(),
    onListed() {
      isSynced = true;
      resolveSynced();
    },
  });
  const reflector = createReflector({ ...deps, sink });

  return {
    resource,
    get: (name) => store.get(name),
    list: (namespace) => store.list(namespace),
    byIndex: (index, value, namespace) => store.byIndex(index, value, namespace),
    addIndex: (name, fn) => store.addIndex(name, fn),
    addHandler(handler) {
      handlers.push(handler);
      for (const object of store.list()) tell(handler, { type: "create", object, initial: true });
    },
    hasSynced: () => isSynced,
    synced: () => synced,
    async run(signal) {
      await Promise.all([
        reflector.run(signal),
        resyncLoop({ clock, signal, emit, store, everyMs: deps.resyncMs ?? DEFAULT_RESYNC_MS }),
      ]);
    },
  };
}

interface SinkDeps<T extends KubeObject> {
  emit(event: ObjectEvent<T>): void;
  isInitial(): boolean;
  onStale(): void;
  onListed(): void;
}

function createSink<T extends KubeObject>(store: Store<T>, deps: SinkDeps<T>): ReflectorSink<T> {
  const upsert = (object: T): void => {
    const old = store.byKey(storeKey(object.metadata));
    if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    store.set(object);
    if (old === undefined) deps.emit({ type: "create", object, initial: deps.isInitial() });
    else if (old.metadata.uid === object.metadata.uid) deps.emit({ type: "update", old, object });
    else {
      // Deleted and created again behind our back: reconcilers of the old one must hear of both.
      deps.emit({ type: "delete", object: old, stateUnknown: true });
      deps.emit({ type: "create", object, initial: deps.isInitial() });
    }
  };
  return {
    upsert,
    remove(object) {
      const held = store.byKey(storeKey(object.metadata));
      if (held === undefined) return;
      if (held.metadata.uid !== object.metadata.uid) {
        deps.onStale(); // a late deletion of a predecessor
        return;
      }
      store.delete(storeKey(object.metadata));
      deps.emit({ type: "delete", object, stateUnknown: false });
    },
    listed(keys) {
      for (const key of [...store.keys()]) {
        if (keys.has(key)) continue;
        const object = store.delete(key);
        if (object !== undefined) deps.emit({ type: "delete", object, stateUnknown: true });
      }
      deps.onListed();
    },
  };
}

interface Resync<T extends KubeObject> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly store: Store<T>;
  readonly everyMs: number;
  readonly emit: (event: ObjectEvent<T>) => void;
}

async function resyncLoop<T extends KubeObject>({
  clock,
  signal,
  emit,
  store,
  everyMs,
}: Resync<T>): Promise<void> {
  for (;;) {
    await pause(clock, everyMs * (0.9 + Math.random() / 5), signal);
    if (isAborted(signal)) return;
    let count = 0;
    for (const key of [...store.keys()]) {
      const object = store.byKey(key);
      if (object !== undefined) emit({ type: "update", old: object, object });
      if (++count % RESYNC_BATCH === 0) await yieldToLoop();
    }
  }
}

// Read through a function: the compiler takes a signal that was not aborted before an await for one that never is.
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
