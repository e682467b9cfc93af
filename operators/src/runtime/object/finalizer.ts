// SPDX-License-Identifier: Apache-2.0
import type { CallOptions, Client, KubeObject, Resource } from "../client.ts";
import { isNotFound, TerminalError } from "../errors.ts";

export const hasFinalizer = (object: KubeObject, finalizer: string): boolean =>
  object.metadata.finalizers?.includes(finalizer) ?? false;

/**
 * Adds the finalizer if it is missing; before any effect outside the API server.
 *
 * @returns the object as it is now
 * @throws {TerminalError} when the object is being deleted; {ApiError} Conflict when it changed meanwhile
 */
export async function ensureFinalizer<T extends KubeObject>(o: FinalizerCall<T>): Promise<T> {
  if (hasFinalizer(o.object, o.finalizer)) return o.object;
  if (o.object.metadata.deletionTimestamp !== undefined) {
    throw new TerminalError("a finalizer cannot be added while the object is being deleted");
  }
  return patchFinalizers(o, [...(o.object.metadata.finalizers ?? []), o.finalizer]);
}

/** Removes the finalizer, only after the cleanup succeeded. An object that is gone is no error. */
export async function removeFinalizer<T extends KubeObject>(o: FinalizerCall<T>): Promise<void> {
  if (!hasFinalizer(o.object, o.finalizer)) return;
  const rest = (o.object.metadata.finalizers ?? []).filter((name) => name !== o.finalizer);
  await patchFinalizers(o, rest).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

export interface FinalizerCall<T extends KubeObject> extends CallOptions {
  readonly client: Pick<Client, "patch">;
  readonly resource: Resource;
  readonly object: T;
  readonly finalizer: string;
}

// A merge patch replaces the whole list, so the version that the list was read from is the precondition.
function patchFinalizers<T extends KubeObject>(
  o: FinalizerCall<T>,
  finalizers: readonly string[],
): Promise<T> {
  const { resourceVersion, uid } = o.object.metadata;
  const body = { metadata: { finalizers, resourceVersion, uid } };
  return o.client.patch<T>(o.resource, o.object.metadata, { type: "merge", body }, callOptions(o));
}

const callOptions = (o: CallOptions): CallOptions => ({
  ...(o.signal !== undefined && { signal: o.signal }),
  ...(o.timeoutMs !== undefined && { timeoutMs: o.timeoutMs }),
});
