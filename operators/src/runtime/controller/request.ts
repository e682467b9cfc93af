// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../client.ts";

/** What a reconciler is asked to look at. It need not be the name of an object: placement uses node names. */
export interface Request {
  /** "" for what has no namespace */
  readonly namespace: string;
  readonly name: string;
}

/** The string that queues deduplicate by: `ns/name`, or `name`. */
export const keyOf = (request: Request): string =>
  request.namespace === "" ? request.name : `${request.namespace}/${request.name}`;

export function requestOf(key: string): Request {
  const slash = key.indexOf("/");
  return slash < 0
    ? { namespace: "", name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export const requestFor = (object: KubeObject): Request => ({
  namespace: object.metadata.namespace ?? "",
  name: object.metadata.name,
});
