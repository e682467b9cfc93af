// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../client.ts";
import type { Request } from "./request.ts";

/** Something happened to an object. Says when to look, never what to do. */
export type ObjectEvent<T extends KubeObject = KubeObject> =
  /** `initial`: it was there when the watch began, which says nothing about change. */
  | { readonly type: "create"; readonly object: T; readonly initial: boolean }
  /** A resync replays this with old === object. */
  | { readonly type: "update"; readonly old: T; readonly object: T }
  /** `stateUnknown`: the deletion itself was missed, `object` is the last known state. */
  | { readonly type: "delete"; readonly object: T; readonly stateUnknown: boolean }
  /** From outside the API server. */
  | { readonly type: "generic"; readonly object: T };

export interface Enqueue extends Request {
  /** Higher goes first; default 0, or -100 for initial and unchanged objects. */
  readonly priority?: number;
  readonly afterMs?: number;
}

/** Maps an event to what must be looked at. Pure. */
export type EventHandler<T extends KubeObject = KubeObject> = (event: ObjectEvent<T>) => Iterable<Enqueue>;

/** Filters events before they are enqueued; never what is cached. */
export type Predicate<T extends KubeObject = KubeObject> = (event: ObjectEvent<T>) => boolean;
