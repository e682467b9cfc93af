// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, OwnerReference, Resource } from "../client.ts";
import type { EventHandler, ObjectEvent } from "./event.ts";
import { keyOf, requestFor, type Request } from "./request.ts";

/** Enqueues the object itself. */
export const enqueueSelf: EventHandler = (event) => [requestFor(event.object)];

export interface OwnerOptions {
  /** Every owner of the kind, not just the controlling one. */
  readonly everyOwner?: boolean;
}

/** Enqueues the owner of the given kind; on an update the abandoned one too. Compares group and kind, no version. */
export function enqueueOwner(owner: Resource, options: OwnerOptions = {}): EventHandler {
  const isOwner = (ref: OwnerReference): boolean =>
    ref.kind === owner.kind &&
    groupOf(ref) === owner.group &&
    (options.everyOwner === true || ref.controller === true);
  return mapBoth((object) =>
    (object.metadata.ownerReferences ?? []).filter(isOwner).map((ref) => ({
      namespace: owner.namespaced ? (object.metadata.namespace ?? "") : "",
      name: ref.name,
    })),
  );
}

/** Enqueues what `map` makes of an object; on an update of the old and the new one. */
export function enqueueMapped<T extends KubeObject>(map: (object: T) => Iterable<Request>): EventHandler<T> {
  return mapBoth(map);
}

function mapBoth<T extends KubeObject>(map: (object: T) => Iterable<Request>): EventHandler<T> {
  return (event) => {
    const unique = new Map<string, Request>();
    for (const object of statesOf(event))
      for (const request of map(object)) unique.set(keyOf(request), request);
    return unique.values();
  };
}

const statesOf = <T extends KubeObject>(event: ObjectEvent<T>): readonly T[] =>
  event.type === "update" ? [event.old, event.object] : [event.object];

const groupOf = (ref: OwnerReference): string => {
  const slash = ref.apiVersion.indexOf("/");
  return slash < 0 ? "" : ref.apiVersion.slice(0, slash);
};
