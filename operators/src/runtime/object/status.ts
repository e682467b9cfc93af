// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { CallOptions, Client, KubeObject, Resource } from "../client.ts";

export interface StatusCall<T extends KubeObject> extends CallOptions {
  readonly client: Pick<Client, "apply">;
  readonly resource: Resource;
  /** As it was read; its status is what is compared. */
  readonly object: T & { readonly status?: object };
  /** The fields that this controller owns, all of them. */
  readonly status: object;
  readonly fieldManager: string;
}

/**
 * Applies the status unless the object shows it already.
 *
 * @returns whether it was written
 * @throws {ApiError} Invalid (a uid is immutable) when an object of the same name with another uid is there now
 */
export async function applyStatusIfChanged<T extends KubeObject>(o: StatusCall<T>): Promise<boolean> {
  if (includes(o.object.status ?? {}, o.status)) return false;
  const { name, namespace, uid } = o.object.metadata;
  await o.client.apply(
    o.resource,
    { metadata: { name, ...(namespace !== undefined && { namespace }), uid }, status: o.status },
    {
      fieldManager: o.fieldManager,
      subresource: "status",
      ...(o.signal !== undefined && { signal: o.signal }),
      ...(o.timeoutMs !== undefined && { timeoutMs: o.timeoutMs }),
    },
  );
  return true;
}

const includes = (current: object, wanted: object): boolean =>
  Object.entries(wanted).every(([key, value]) =>
    isDeepStrictEqual((current as Record<string, unknown>)[key], value),
  );
