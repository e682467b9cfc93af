// SPDX-License-Identifier: Apache-2.0
import {
  controllerOf,
  isNotFound,
  type Client,
  type Clock,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from "../../runtime/index.ts";
import type { Applied, Memory } from "../memory.ts";
import type { Wanted } from "../plan.ts";
import { EDGE_APPLICATIONS, FIELD_MANAGER, nameFor } from "../resources.ts";
import type { Children } from "../watch/children.ts";
import { resourceName } from "../watch/discovery.ts";
import { isOlder, isOwnedBy, trimChild, type TrimmedChild } from "./child.ts";
import { ChildFault, faultOf, isPassing, retryMs } from "./fault.ts";
import { takenOver, type ManagedFields } from "./takeover.ts";

export interface ApplierDeps {
  readonly client: Pick<Client, "get" | "patch" | "apply">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly children: Pick<Children, "get">;
  /** How long the cache may be behind an apply of ours. */
  readonly lagMs: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
}

/** What became of a child. */
export interface Outcome {
  readonly wanted: Wanted;
  readonly resource?: Resource;
  /** As it is by now, if it is. */
  readonly child?: TrimmedChild;
  readonly fault?: string;
  /** It was not there. */
  readonly made?: "created" | "recreated" | "taken over";
  readonly wasWritten: boolean;
  readonly againInMs?: number;
}

export interface Applier {
  /** Makes the child as it is wanted, unless it is. @throws {ApiError} when the API server does not answer */
  apply(wanted: Wanted, resource: Resource, memory: Memory, signal: AbortSignal): Promise<Outcome>;
  /** A child whose kind cannot be had. */
  refuse(wanted: Wanted, error: unknown, memory: Memory): Outcome;
}

/** Others may change what is ours so often at once before it is put right more slowly. */
const FREE_STRUGGLES = 5;
const STRUGGLE_MS = 60_000;
/** What failed because something did not answer is tried again after this long at most. */
const PASSING_MS = 60_000;
/** Webhooks may take 30 s: the API server says which one was too slow, we could not. */
const APPLY_TIMEOUT_MS = 35_000;

export function createApplier(deps: ApplierDeps): Applier {
  const { clock } = deps;

  const waiting = (wanted: Wanted, memory: Memory): Outcome | undefined => {
    const refused = memory.refused.get(wanted.key);
    if (refused === undefined) return undefined;
    const againInMs = refused.retryAtMs - clock.nowMs();
    if (refused.hash !== wanted.hash || againInMs <= 0) return undefined;
    return { wanted, fault: refused.message, wasWritten: false, againInMs };
  };
  const refuse: Applier["refuse"] = (wanted, error, memory) => {
    const pending = waiting(wanted, memory);
    if (pending !== undefined) return pending;
    const fault = faultOf(error, { verb: "applied", of: wanted.ref });
    const old = memory.refused.get(wanted.key);
    const failures = old?.hash === wanted.hash ? old.failures + 1 : 1;
    const capMs = isPassing(fault.cause) ? Math.min(PASSING_MS, deps.retryCapMs) : deps.retryCapMs;
    const againInMs = retryMs(failures, { baseMs: deps.retryBaseMs, capMs });
    const retryAtMs = clock.nowMs() + againInMs;
    memory.refused.set(wanted.key, { hash: wanted.hash, message: fault.message, failures, retryAtMs });
    return { wanted, fault: fault.message, wasWritten: false, againInMs };
  };

  return {
    refuse,

    async apply(wanted, resource, memory, signal) {
      const cached = deps.children.get(resource, wanted.ref);
      const standing = standingOf(deps, { wanted, memory, cached });
      if (standing !== undefined) return { ...standing, resource };
      const pending = waiting(wanted, memory);
      if (pending !== undefined) return { ...pending, resource, ...(cached && { child: cached }) };
      try {
        const outcome = await write(deps, { wanted, resource, memory, cached, signal });
        memory.refused.delete(wanted.key);
        return { ...outcome, resource };
      } catch (error) {
        const named = namedFault(error, wanted, resource);
        return { ...refuse(wanted, named, memory), resource, ...(cached && { child: cached }) };
      }
    },
  };
}

const namedFault = (error: unknown, { ref }: Wanted, resource: Resource): ChildFault =>
  faultOf(error, { verb: "applied", of: ref, resource: resourceName(resource) });

interface Known {
  readonly wanted: Wanted;
  readonly memory: Memory;
  readonly cached: TrimmedChild | undefined;
}

/** @returns the outcome when nothing is to be written */
function standingOf(deps: ApplierDeps, { wanted, memory, cached }: Known): Outcome | undefined {
  const last = memory.applied.get(wanted.key);
  if (last?.hash !== wanted.hash) return undefined;
  const ageMs = deps.clock.nowMs() - last.atMs;
  if (last.isGone === true) return strugglingOf({ wanted, cached: undefined, last, ageMs });
  if (isBehind(cached, last)) {
    if (ageMs >= deps.lagMs) return undefined;
    return { wanted, child: last.child, wasWritten: false, againInMs: deps.lagMs };
  }
  if (cached?.metadata.uid === last.child.metadata.uid && cached.digest === last.child.digest) {
    return { wanted, child: cached, wasWritten: false };
  }
  return strugglingOf({ wanted, cached, last, ageMs });
}

const isBehind = (cached: TrimmedChild | undefined, last: Applied): boolean =>
  cached === undefined || isOlder(cached.metadata.resourceVersion, last.child.metadata.resourceVersion);

interface Struggle {
  readonly wanted: Wanted;
  readonly cached: TrimmedChild | undefined;
  readonly last: Applied;
  readonly ageMs: number;
}

function strugglingOf({ wanted, cached, last, ageMs }: Struggle): Outcome | undefined {
  if (last.struggles <= FREE_STRUGGLES) return undefined;
  const waitMs = retryMs(last.struggles - FREE_STRUGGLES, { baseMs: 1000, capMs: STRUGGLE_MS });
  if (ageMs >= waitMs) return undefined;
  const why =
    last.isGone === true
      ? "is deleted by somebody else again and again; change the application instead"
      : "is changed by somebody else again and again; fields of the template belong to the application";
  const fault = `${nameFor(wanted.ref)} ${why}`;
  return { wanted, ...(cached && { child: cached }), fault, wasWritten: false, againInMs: waitMs - ageMs };
}

interface Write extends Known {
  readonly resource: Resource;
  readonly signal: AbortSignal;
}

async function write(deps: ApplierDeps, o: Write): Promise<Outcome> {
  const { wanted, resource, memory, cached, signal } = o;
  const last = memory.applied.get(wanted.key);
  // One that is cached has our label, and so was ours before: nothing to find out.
  const found = cached ?? (await lookAt(deps, o));
  refuseForeign(wanted, memory.uid, found);
  const made = await deps.client.apply<KubeObject>(resource, wanted.object(), {
    ...{ fieldManager: FIELD_MANAGER, timeoutMs: APPLY_TIMEOUT_MS, signal },
  });
  const child = trimChild(made);
  const isStruggle = last?.hash === wanted.hash && (last.isGone ?? isChange(cached, child));
  memory.applied.set(wanted.key, {
    ...{ hash: wanted.hash, child, atMs: deps.clock.nowMs() },
    struggles: isStruggle ? strugglesOf(last, deps.clock.nowMs()) : 0,
  });
  const how = howMade(found, last);
  return { wanted, child, wasWritten: true, ...(how !== undefined && { made: how }) };
}

const isChange = (a: TrimmedChild | undefined, b: TrimmedChild): boolean =>
  a !== undefined && a.metadata.resourceVersion !== b.metadata.resourceVersion;

const strugglesOf = (last: Applied, nowMs: number): number =>
  nowMs - last.atMs < STRUGGLE_MS * 2 ? last.struggles + 1 : 1;

function howMade(found: Found | undefined, last: Applied | undefined): Outcome["made"] {
  if (found === undefined) return last?.isGone === true ? "recreated" : "created";
  return found.isTakenOver === true ? "taken over" : undefined;
}

interface Found extends Pick<TrimmedChild, "owner" | "metadata"> {
  readonly isTakenOver?: boolean;
}

/** Looks at what has this name without our label, and makes what CloudCore wrote there ours. */
async function lookAt(
  { client }: ApplierDeps,
  { wanted, resource, memory, signal }: Write,
): Promise<Found | undefined> {
  const name = { name: wanted.ref.name, namespace: wanted.ref.namespace };
  let live: KubeObject & { readonly metadata: { readonly managedFields?: readonly ManagedFields[] } };
  try {
    live = await client.get(resource, name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  const { managedFields = [], ...metadata } = live.metadata;
  const owner = controllerOf(live);
  const ours = isOwnedBy(memory.uid, owner) ? takenOver(managedFields) : undefined;
  if (ours === undefined) return { metadata, owner };
  const body = [
    { op: "replace", path: "/metadata/managedFields", value: ours },
    // Of just this state: whoever writes between is not lost.
    { op: "replace", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
  ];
  await client.patch(resource, name, { type: "json", body }, { fieldManager: FIELD_MANAGER, signal });
  return { metadata, owner, isTakenOver: true };
}

function refuseForeign({ ref }: Wanted, uid: string, found: Found | undefined): void {
  if (found === undefined) return;
  const { owner, metadata } = found;
  if (owner !== undefined && !isOwnedBy(uid, owner)) {
    throw new ChildFault("FOREIGN_OWNER", `${nameFor(ref)} belongs to ${whoseOf(owner)}`);
  }
  if (metadata.deletionTimestamp !== undefined) {
    throw new ChildFault("DELETING", `${nameFor(ref)} is being deleted, and is made again when it is gone`);
  }
}

/** An application of the same kind may be gone: its objects are collected soon. */
const whoseOf = ({ kind, name, uid }: OwnerReference): string =>
  kind === EDGE_APPLICATIONS.kind
    ? `another ${kind} ${name} (${uid}); it is made here when that one's is gone`
    : `${kind} ${name}; give the manifest another name`;
