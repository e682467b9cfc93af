// SPDX-License-Identifier: Apache-2.0
import type { Informer } from "../cache/informer.ts";
import type { KubeObject } from "../client.ts";
import type { Enqueue, EventHandler, ObjectEvent, Predicate } from "./event.ts";
import { keyOf } from "./request.ts";

/** Feeds a controller. */
export interface Source {
  /** For messages: what is waited for. */
  readonly name: string;
  /** Called once, when the controller starts. */
  start(enqueue: (item: Enqueue) => void): void;
  /** Resolves when the initial state was enqueued. */
  synced(): Promise<void>;
}

/** Initial and unchanged objects wait behind real changes, so that a restart does not delay them. */
export const LOW_PRIORITY = -100;

export interface KindSourceOptions<T extends KubeObject> {
  readonly informer: Informer<T>;
  readonly handler: EventHandler<T>;
  /** All must pass. */
  readonly predicates?: readonly Predicate<T>[];
}

/** Events of one kind. */
export function createKindSource<T extends KubeObject>(options: KindSourceOptions<T>): Source {
  const { informer, handler, predicates = [] } = options;
  return {
    name: informer.resource.kind,
    start(enqueue) {
      informer.addHandler((event) => {
        if (!predicates.every((predicate) => predicate(event))) return;
        const priority = saysNothingNew(event) ? LOW_PRIORITY : 0;
        for (const item of handler(event)) enqueue({ priority, ...item });
      });
    },
    synced: () => informer.synced(),
  };
}

const saysNothingNew = (event: ObjectEvent): boolean =>
  (event.type === "create" && event.initial) ||
  (event.type === "update" && event.old.metadata.resourceVersion === event.object.metadata.resourceVersion);

export interface Channel extends Source {
  /** @returns false when it was refused: the controller has not started and too much waits already */
  enqueue(item: Enqueue): boolean;
}

/** Requests from outside the API server: a timer, a queue, a socket. Before the start they wait, deduplicated. */
export function createChannel(name: string, maxPending = 100_000): Channel {
  const pending = new Map<string, Enqueue>();
  let sink: ((item: Enqueue) => void) | undefined;
  return {
    name,
    start(enqueue) {
      sink = enqueue;
      for (const item of pending.values()) enqueue(item);
      pending.clear();
    },
    synced: () => Promise.resolve(),
    enqueue(item) {
      if (sink !== undefined) sink(item);
      else if (pending.size < maxPending || pending.has(keyOf(item))) pending.set(keyOf(item), item);
      else return false;
      return true;
    },
  };
}
