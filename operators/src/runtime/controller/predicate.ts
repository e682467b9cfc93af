// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../client.ts";
import type { Predicate } from "./event.ts";

/** Passes everything but those updates of which `test` says no. */
export function onUpdate<T extends KubeObject>(test: (old: T, now: T) => boolean): Predicate<T> {
  return (event) => event.type !== "update" || test(event.old, event.object);
}

/**
 * Drops updates that left the spec alone: resyncs, status, labels, annotations, finalizers. A deletionTimestamp
 * does raise the generation. Useless for kinds without a status subresource, whose status raises it too.
 */
export const generationChanged: Predicate = onUpdate(
  (old, now) => old.metadata.generation !== now.metadata.generation,
);

/** Drops resyncs and replays. */
export const resourceVersionChanged: Predicate = onUpdate(
  (old, now) => old.metadata.resourceVersion !== now.metadata.resourceVersion,
);

export const labelsChanged: Predicate = onUpdate(
  (old, now) => !isDeepStrictEqual(old.metadata.labels, now.metadata.labels),
);

export const annotationsChanged: Predicate = onUpdate(
  (old, now) => !isDeepStrictEqual(old.metadata.annotations, now.metadata.annotations),
);

export const allOf =
  <T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> =>
  (event) =>
    predicates.every((predicate) => predicate(event));

export const anyOf =
  <T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> =>
  (event) =>
    predicates.some((predicate) => predicate(event));

export const not =
  <T extends KubeObject>(predicate: Predicate<T>): Predicate<T> =>
  (event) =>
    !predicate(event);
