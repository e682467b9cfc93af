// SPDX-License-Identifier: Apache-2.0
import {
  ApiError,
  TerminalError,
  apiVersionOf,
  isAlreadyExists,
  isInvalid,
  isNotFound,
  pause,
  type Client,
  type Clock,
  type Log,
  type RateLimiter,
} from "../runtime/index.ts";
import type { DesiredRecord } from "./desired.ts";
import type { ObjectSyncMetrics } from "./metrics.ts";
import type { Action } from "./plan.ts";
import { resourceIn } from "./record.ts";

const MANAGER = "longshore-object-sync";

export interface WriterDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly metrics: ObjectSyncMetrics;
  /** One bucket over all calls. */
  readonly limiter: RateLimiter;
}

/** The Node that owns what is written. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

export interface WriteContext {
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Carries one change out. What cannot be written for a reason of its own object's is counted and left: a namespace
 * that is going takes the object along, and that is acked and looked at again.
 *
 * @throws {ApiError} on whatever else, to be tried again
 */
export async function write(deps: WriterDeps, action: Action, context: WriteContext): Promise<void> {
  try {
    await perform(deps, action, context);
  } catch (error) {
    const reason = reasonToSkip(error);
    if (reason === undefined) throw error;
    deps.metrics.skipped.inc({ reason });
    const { namespace, name } = action.do === "remove" ? action : action.record;
    context.log.warn({ record: name, recordNamespace: namespace, reason, err: error }, "record not written");
  }
}

async function perform(deps: WriterDeps, action: Action, context: WriteContext): Promise<void> {
  switch (action.do) {
    case "remove":
      return ignoring(isNotFound, () => remove(deps, action, context));
    case "create":
      return create(deps, action.record, context);
    case "correct":
      await patch(deps, action.record, { context, body: { spec: specOf(action.record) } });
      return patchVersion(deps, action.record, context);
    case "version":
      return patchVersion(deps, action.record, context);
  }
}

async function remove(
  deps: WriterDeps,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { signal }: WriteContext,
): Promise<void> {
  await turn(deps, "delete", signal);
  await deps.client.delete(resourceIn(namespace), { name, namespace }, { signal });
}

// Status is no part of what is created: a second call sets it.
async function create(deps: WriterDeps, record: DesiredRecord, context: WriteContext): Promise<void> {
  const resource = resourceIn(record.namespace);
  const { owner, signal } = context;
  await turn(deps, "create", signal);
  await ignoring(isAlreadyExists, async () => {
    await deps.client.create(
      resource,
      {
        ...{ apiVersion: apiVersionOf(resource), kind: resource.kind, spec: specOf(record) },
        metadata: {
          name: record.name,
          ...(record.namespace !== "" && { namespace: record.namespace }),
          ...(owner && { ownerReferences: [{ apiVersion: "v1", kind: "Node", ...owner }] }),
        },
      },
      { signal, fieldManager: MANAGER },
    );
  });
  await patch(deps, record, { context, body: statusOf(record), subresource: "status" });
}

async function patchVersion(deps: WriterDeps, record: DesiredRecord, context: WriteContext): Promise<void> {
  try {
    await patch(deps, record, { context, body: statusOf(record), subresource: "status" });
  } catch (error) {
    // Somebody has deleted it, and the cache does not know yet.
    if (!isNotFound(error)) throw error;
    await create(deps, record, context);
  }
}

interface Patch {
  readonly context: WriteContext;
  readonly body: object;
  readonly subresource?: "status";
}

async function patch(
  deps: WriterDeps,
  { namespace, name }: DesiredRecord,
  { context, body, subresource }: Patch,
): Promise<void> {
  await turn(deps, "patch", context.signal);
  await deps.client.patch(
    resourceIn(namespace),
    { name, namespace },
    { type: "merge", body },
    {
      ...{ signal: context.signal, fieldManager: MANAGER, ...(subresource && { subresource }) },
      // KubeEdge's own definitions of these kinds know no digest.
      fieldValidation: "Ignore",
    },
  );
}

const specOf = ({ objectAPIVersion, objectKind, objectName }: DesiredRecord): object => ({
  ...{ objectAPIVersion, objectKind, objectName },
});
// null: a digest of another version must not stay.
const statusOf = ({ resourceVersion, digest }: DesiredRecord): object => ({
  status: { objectResourceVersion: resourceVersion, objectDigest: digest === "" ? null : digest },
});

/** Waits until a call is due. */
async function turn(deps: WriterDeps, verb: string, signal: AbortSignal): Promise<void> {
  const delayMs = deps.limiter.when(verb);
  if (delayMs > 0) await pause(deps.clock, delayMs, signal);
  signal.throwIfAborted();
  deps.metrics.writes.inc({ verb });
}

async function ignoring(isExpected: (error: unknown) => boolean, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

/** Undefined: it is to be tried again. */
export function reasonToSkip(error: unknown): "no_namespace" | "refused" | undefined {
  // a name that cannot be one of an object
  if (isInvalid(error) || error instanceof TerminalError) return "refused";
  return isNamespaceMissing(error) || isNamespaceTerminating(error) ? "no_namespace" : undefined;
}

const isNamespaceMissing = (error: unknown): boolean =>
  error instanceof ApiError && isNotFound(error) && error.status.details?.kind === "namespaces";

function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.code !== 403) return false;
  const causes: unknown = (error.status.details as { causes?: unknown } | undefined)?.causes;
  return (
    Array.isArray(causes) &&
    causes.some(({ reason }: { reason?: unknown }) => reason === "NamespaceTerminating")
  );
}
