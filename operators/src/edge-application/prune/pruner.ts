// SPDX-License-Identifier: Apache-2.0
import {
  controllerOf,
  isConflict,
  isNotFound,
  type Client,
  type Clock,
  type KubeObject,
  type ObjectName,
  type Resource,
} from "../../runtime/index.ts";
import { isOwnedBy, type TrimmedChild } from "../apply/child.ts";
import { faultOf, retryMs } from "../apply/fault.ts";
import type { Memory, Refused } from "../memory.ts";
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
  readonly clock: Pick<Clock, "nowMs">;
  readonly concurrency: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
}

export interface Pruned {
  readonly deleted: readonly string[];
  /** Not wanted, and still there. */
  readonly kept: readonly Contained[];
  readonly faults: readonly string[];
  /** When what could not be deleted is tried again. */
  readonly againInMs?: number;
}

/** What is to go is given `remembered`: the objects that the application's annotation names. */
export interface PruneCall extends PruneInput {
  readonly namespace: string;
  readonly remembered: readonly Contained[];
  /** What could not be pruned until now; changed here. */
  readonly unpruned: Memory["unpruned"];
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
  const result: Result = { deleted: [], kept: [], faults: [], unpruned: new Map() };
  await inParallel(own, deps.concurrency, (child) => pruneOwn(deps, call, child, result));
  const known = new Set(own.map(({ ref }) => refKey(ref)));
  const others = call.remembered.filter(
    (each) => each.namespace === call.namespace && !call.wanted.has(refKey(each)) && !known.has(refKey(each)),
  );
  await inParallel(others, deps.concurrency, (each) => pruneRemembered(deps, call, each, result));
  call.unpruned.clear();
  for (const [key, each] of result.unpruned) call.unpruned.set(key, each);
  const { deleted, kept, faults, unpruned } = result;
  const waits = [...unpruned.values()].map(({ retryAtMs }) => retryAtMs - deps.clock.nowMs());
  return { deleted, kept, faults, ...(waits.length > 0 && { againInMs: Math.max(1, Math.min(...waits)) }) };
}

interface Result {
  readonly deleted: string[];
  readonly kept: Contained[];
  readonly faults: string[];
  readonly unpruned: Memory["unpruned"];
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
  const { uid } = child.metadata;
  await attempt(deps, call, { contained, result, resource }, () =>
    remove(deps, call, { resource, contained, uid }),
  );
}

async function pruneRemembered(
  deps: PrunerDeps,
  call: PruneCall,
  contained: Contained,
  result: Result,
): Promise<void> {
  await attempt(deps, call, { contained, result }, async () => {
    const resource = await deps.discovery.resourceOf(apiVersionIn(contained), contained.kind, call.signal);
    if (!resource.namespaced) return "gone";
    const live = await read(deps.client, resource, contained, call.signal);
    if (live === undefined || !isOwnedBy(call.uid, controllerOf(live))) return "gone";
    if (!mayBeGone(call, contained)) return "kept";
    return remove(deps, call, { resource, contained, uid: live.metadata.uid });
  });
}

interface Attempt {
  readonly contained: Contained;
  readonly result: Result;
  readonly resource?: Resource;
}

type Ending = "deleted" | "gone" | "kept";

/** Does it, unless it failed not long ago. What fails is kept, told, and tried again ever more slowly. */
async function attempt(
  deps: PrunerDeps,
  { unpruned }: PruneCall,
  { contained, result, resource }: Attempt,
  act: () => Promise<Ending>,
): Promise<void> {
  const key = refKey(contained);
  const last = unpruned.get(key);
  const fail = (failure: Omit<Refused, "hash">): void => {
    result.kept.push(contained);
    result.faults.push(failure.message);
    result.unpruned.set(key, failure);
  };
  if (last !== undefined && deps.clock.nowMs() < last.retryAtMs) {
    fail(last);
    return;
  }
  try {
    const ending = await act();
    if (ending === "deleted") result.deleted.push(nameFor(contained));
    if (ending === "kept") result.kept.push(contained);
  } catch (error) {
    const { code, message } = faultOf(error, attemptOf(contained, resource));
    // A kind that is gone took its objects along.
    if (code === "UNKNOWN_KIND") return;
    const failures = (last?.failures ?? 0) + 1;
    const waitMs = retryMs(failures, { baseMs: deps.retryBaseMs, capMs: deps.retryCapMs });
    fail({ message, failures, retryAtMs: deps.clock.nowMs() + waitMs });
  }
}

const attemptOf = (of: Contained, resource: Resource | undefined) => ({
  ...({ verb: "deleted", of } as const),
  ...(resource && { resource: resourceName(resource) }),
});

interface Removal {
  readonly resource: Resource;
  readonly contained: Contained;
  readonly uid: string;
}

async function remove(
  { client }: PrunerDeps,
  { signal }: PruneCall,
  { resource, contained, uid }: Removal,
): Promise<Ending> {
  const options = { preconditions: { uid }, propagationPolicy: "Background", signal } as const;
  try {
    await client.delete(resource, nameOf(contained), options);
    return "deleted";
  } catch (error) {
    // Gone, or another one of its name: neither is ours to delete.
    if (isNotFound(error) || isConflict(error)) return "gone";
    throw error;
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
