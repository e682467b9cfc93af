// SPDX-License-Identifier: Apache-2.0
import {
  controllerOf,
  isConflict,
  isNotFound,
  type Client,
  type KubeObject,
  type ObjectName,
  type Resource,
} from "../../runtime/index.ts";
import { isOwnedBy, type TrimmedChild } from "../apply/child.ts";
import { faultOf } from "../apply/fault.ts";
import { inParallel } from "../parallel.ts";
import { nameFor, refKey, type Ref } from "../resources.ts";
import type { Children } from "../watch/children.ts";
import { resourceName, type Discovery } from "../watch/discovery.ts";
import { isPruned, mayBeGone, type PruneInput } from "./candidates.ts";
import { apiVersionIn, type Contained } from "./contained.ts";

export interface PrunerDeps {
  readonly client: Pick<Client, "get" | "delete">;
  readonly children: Pick<Children, "of" | "get" | "resourceOf">;
  readonly discovery: Discovery;
  readonly concurrency: number;
}

export interface Pruned {
  readonly deleted: readonly string[];
  /** Not wanted, and still there. */
  readonly kept: readonly Contained[];
  readonly faults: readonly string[];
}

/** What is to go is given `remembered`: the objects that the application's annotation names. */
export interface PruneCall extends PruneInput {
  readonly namespace: string;
  readonly remembered: readonly Contained[];
  readonly signal: AbortSignal;
}

/**
 * Deletes what the application made and wants no more: nothing that another uid owns, whatever annotation or label
 * say.
 *
 * @throws {ApiError} when the API server does not answer
 */
export async function prune(deps: PrunerDeps, call: PruneCall): Promise<Pruned> {
  const own = deps.children.of(call.uid).filter(({ ref }) => !call.wanted.has(refKey(ref)));
  const result = { deleted: [] as string[], kept: [] as Contained[], faults: [] as string[] };
  await inParallel(own, deps.concurrency, (child) => pruneOwn(deps, call, child, result));
  const known = new Set(own.map(({ ref }) => refKey(ref)));
  const others = call.remembered.filter(
    (each) => each.namespace === call.namespace && !call.wanted.has(refKey(each)) && !known.has(refKey(each)),
  );
  await inParallel(others, deps.concurrency, (each) => pruneRemembered(deps, call, each, result));
  return result;
}

interface Result extends Pruned {
  readonly deleted: string[];
  readonly kept: Contained[];
  readonly faults: string[];
}

async function pruneOwn(
  deps: PrunerDeps,
  call: PruneCall,
  child: TrimmedChild,
  result: Result,
): Promise<void> {
  const resource = deps.children.resourceOf(child);
  if (resource === undefined) return;
  const contained = { ...child.ref, version: resource.version, ordinal: 0 };
  if (!isPruned(call, child)) {
    if (isOwnedBy(call.uid, child.owner)) result.kept.push(contained);
    return;
  }
  await remove(deps, { resource, contained, uid: child.metadata.uid, signal: call.signal }, result);
}

async function pruneRemembered(
  deps: PrunerDeps,
  call: PruneCall,
  contained: Contained,
  result: Result,
): Promise<void> {
  const { signal } = call;
  try {
    const resource = await deps.discovery.resourceOf(apiVersionIn(contained), contained.kind, signal);
    if (!resource.namespaced) return;
    const live = await read(deps.client, resource, contained, signal);
    if (live === undefined || !isOwnedBy(call.uid, controllerOf(live))) return;
    if (!mayBeGone(call, contained)) result.kept.push(contained);
    else await remove(deps, { resource, contained, uid: live.metadata.uid, signal }, result);
  } catch (error) {
    const fault = faultOf(error, { verb: "read", of: contained });
    // A kind that is gone took its objects along.
    if (fault.code === "UNKNOWN_KIND") return;
    result.kept.push(contained);
    result.faults.push(fault.message);
  }
}

interface Removal {
  readonly resource: Resource;
  readonly contained: Contained;
  readonly uid: string;
  readonly signal: AbortSignal;
}

async function remove({ client }: PrunerDeps, o: Removal, result: Result): Promise<void> {
  const { resource, contained, uid, signal } = o;
  const options = { preconditions: { uid }, propagationPolicy: "Background", signal } as const;
  try {
    await client.delete(resource, nameOf(contained), options);
    result.deleted.push(nameFor(contained));
  } catch (error) {
    // Gone, or another one of its name: neither is ours to delete.
    if (isNotFound(error) || isConflict(error)) return;
    const fault = faultOf(error, { verb: "deleted", of: contained, resource: resourceName(resource) });
    result.kept.push(contained);
    result.faults.push(fault.message);
  }
}

async function read(
  client: Pick<Client, "get">,
  resource: Resource,
  ref: Ref,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, nameOf(ref), { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const nameOf = ({ namespace, name }: Ref): ObjectName => ({ namespace, name });
