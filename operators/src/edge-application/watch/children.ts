// SPDX-License-Identifier: Apache-2.0
import {
  pause,
  type Cache,
  type Client,
  type Clock,
  type Informer,
  type ObjectEvent,
  type Resource,
} from "../../runtime/index.ts";
import { trimChild, type TrimmedChild } from "../apply/child.ts";
import { ChildFault, faultOf } from "../apply/fault.ts";
import { CHILDREN, EDGE_APPLICATIONS, type Ref } from "../resources.ts";
import { resourceName } from "./discovery.ts";

export interface ChildrenDeps {
  readonly client: Pick<Client, "list">;
  readonly cache: Pick<Cache, "informer">;
  readonly clock: Clock;
  readonly onEvent: (event: ObjectEvent<TrimmedChild>) => void;
  /** Kinds that are watched; default 64. */
  readonly maxKinds?: number;
  /** How long the first list of a kind may take; default 30 s. */
  readonly syncMs?: number;
  /** How long a kind that cannot be watched is not asked for again; default 10 s. */
  readonly againMs?: number;
}

/** What is known of all applications' children. Kinds are watched from the first time that they occur. */
export interface Children {
  /** Resolves when children of the kind are known. @throws {ChildFault} when they cannot be watched */
  watch(resource: Resource, signal: AbortSignal): Promise<void>;
  get(resource: Resource, ref: Ref): TrimmedChild | undefined;
  /** Children with this uid in their label, of every kind that is watched. */
  of(uid: string): readonly TrimmedChild[];
  resourceOf(child: TrimmedChild): Resource | undefined;
}

const BY_APPLICATION = "application";
const keyOf = ({ group, version, plural }: Resource): string => `${group}/${version}/${plural}`;

export function createChildren(deps: ChildrenDeps): Children {
  const { client, cache, clock, maxKinds = 64, syncMs = 30_000, againMs = 10_000 } = deps;
  const informers = new Map<string, Informer<TrimmedChild>>();
  const byApiVersion = new Map<string, Resource>();
  const refused = new Map<string, { readonly fault: ChildFault; readonly untilMs: number }>();

  const start = (resource: Resource): Informer<TrimmedChild> => {
    const key = keyOf(resource);
    const known = informers.get(key);
    if (known !== undefined) return known;
    if (informers.size >= maxKinds) {
      const message = `${resource.kind} is one kind more than the ${maxKinds} that are watched`;
      throw new ChildFault("TOO_MANY_KINDS", message);
    }
    const informer = cache.informer<TrimmedChild>(resource, {
      labelSelector: CHILDREN,
      transform: trimChild,
    });
    informer.addIndex(BY_APPLICATION, ({ application }) => [application]);
    informer.addHandler(deps.onEvent);
    informers.set(key, informer);
    byApiVersion.set(`${resource.group}/${resource.version}/${resource.kind}`, resource);
    return informer;
  };
  /** Asked before it is watched: a watch would hide why it cannot be. */
  const probe = async (resource: Resource, signal: AbortSignal): Promise<void> => {
    const key = keyOf(resource);
    const last = refused.get(key);
    if (last !== undefined && clock.nowMs() < last.untilMs) throw last.fault;
    refused.delete(key);
    try {
      await client.list(resource, { labelSelector: CHILDREN, limit: 1, metadataOnly: true, signal });
    } catch (error) {
      const { kind } = resource;
      const fault = faultOf(error, { verb: "watched", of: { kind }, resource: resourceName(resource) });
      if (refused.size < maxKinds) refused.set(key, { fault, untilMs: clock.nowMs() + againMs });
      throw fault;
    }
  };

  return {
    async watch(resource, signal) {
      if (!resource.namespaced || isOurs(resource)) throw refusalOf(resource);
      if (!informers.has(keyOf(resource))) await probe(resource, signal);
      const informer = start(resource);
      if (informer.hasSynced()) return;
      await withinTime(informer.synced(), { clock, ms: syncMs, signal });
      if (!informer.hasSynced()) throw new ChildFault("REFUSED", `${resource.kind} is not yet known`);
    },
    get: (resource, { namespace, name }) => informers.get(keyOf(resource))?.get({ namespace, name }),
    of(uid) {
      const found = [...informers.values()].flatMap((each) => each.byIndex(BY_APPLICATION, uid));
      return found;
    },
    resourceOf: ({ ref, apiVersion = "" }) =>
      byApiVersion.get(`${ref.group}/${apiVersion.slice(apiVersion.indexOf("/") + 1)}/${ref.kind}`),
  };
}

const isOurs = ({ group, kind }: Resource): boolean =>
  group === EDGE_APPLICATIONS.group && kind === EDGE_APPLICATIONS.kind;

function refusalOf({ kind, namespaced }: Resource): ChildFault {
  const why = namespaced ? "an application cannot hold another one" : "it is a kind without a namespace";
  return new ChildFault("CLUSTER_SCOPED", `${kind} cannot be part of an application: ${why}`);
}

async function withinTime(
  wanted: Promise<void>,
  { clock, ms, signal }: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
): Promise<void> {
  const enough = new AbortController();
  const onAbort = (): void => enough.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([wanted, pause(clock, ms, enough.signal)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    enough.abort();
  }
}
