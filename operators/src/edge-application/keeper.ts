// SPDX-License-Identifier: Apache-2.0
import { LAST_CONTAINED_RESOURCES, type EdgeApplication } from "@longshore/crds/apps";
import { isInvalid, type Client, type Clock, type KubeObject, type Resource } from "../runtime/index.ts";
import { createApplier, type Outcome } from "./apply/applier.ts";
import { isOlder } from "./apply/child.ts";
import type { Memory } from "./memory.ts";
import type { EdgeApplicationTuning } from "./options.ts";
import { inParallel } from "./parallel.ts";
import type { Plan, Wanted } from "./plan.ts";
import type { PruneInput } from "./prune/candidates.ts";
import { apiVersionIn, kindOf, readContained, writeContained, type Contained } from "./prune/contained.ts";
import { prune, type Pruned } from "./prune/pruner.ts";
import { EDGE_APPLICATIONS, FIELD_MANAGER, refKey, versionOf } from "./resources.ts";
import type { RolloutStep } from "./rollout/index.ts";
import type { Children } from "./watch/children.ts";
import type { Discovery } from "./watch/discovery.ts";

export interface KeeperDeps extends Required<
  Pick<EdgeApplicationTuning, "applyConcurrency" | "lagMs" | "retryBaseMs" | "retryCapMs">
> {
  readonly client: Pick<Client, "get" | "patch" | "apply" | "delete">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly children: Children;
  readonly discovery: Discovery;
}

export interface Keeping {
  readonly app: EdgeApplication;
  readonly memory: Memory;
  readonly plan: Plan;
  readonly step: RolloutStep;
  /** Faults of the scope, and the names of all its targets. */
  readonly scope: Pick<PruneInput, "scope"> & { readonly faults: readonly unknown[] };
  readonly signal: AbortSignal;
}

export interface Kept {
  readonly outcomes: readonly Outcome[];
  readonly pruned: Pruned;
}

/** Makes children what they should be, and removes those that should not be. */
export interface Keeper {
  /** Has the kinds watched that the application is known to have made something of. */
  recall(app: EdgeApplication, memory: Memory, signal: AbortSignal): Promise<void>;
  /** @throws {ApiError} when the API server does not answer */
  keep(o: Keeping): Promise<Kept>;
}

export function createKeeper(deps: KeeperDeps): Keeper {
  const applier = createApplier(deps);
  const watched = async (apiVersion: string, kind: string, signal: AbortSignal): Promise<Resource> => {
    const resource = await deps.discovery.resourceOf(apiVersion, kind, signal);
    await deps.children.watch(resource, signal);
    return resource;
  };
  const applyAll = async ({ plan, memory, signal }: Keeping): Promise<Outcome[]> => {
    const kinds = await resolve(plan.wanted, (apiVersion, kind) => watched(apiVersion, kind, signal));
    const outcomes: Outcome[] = [];
    await inParallel(plan.wanted, deps.applyConcurrency, async (wanted, index) => {
      const found = kinds.get(nameOfKind(wanted));
      outcomes[index] =
        found !== undefined && "resource" in found
          ? await applier.apply(wanted, found.resource, memory, signal)
          : applier.refuse(wanted, found?.error, memory);
    });
    return outcomes;
  };
  return {
    async recall(app, memory, signal) {
      const kinds = new Map(remembered(app, memory).map((each) => [kindOf(each), each]));
      for (const each of kinds.values()) {
        // What is wrong with a kind is told where its objects are applied or pruned.
        await settled(watched(apiVersionIn(each), each.kind, signal));
      }
    },
    async keep(o) {
      await rememberKinds(deps, o);
      const outcomes = await applyAll(o);
      forgetAll(o);
      const pruned = await prune({ ...deps, concurrency: deps.applyConcurrency }, pruneCallOf(o, outcomes));
      await remember(deps, o, [
        ...o.plan.wanted.map(containedOf),
        ...o.plan.held.map(containedOf),
        ...pruned.kept,
      ]);
      return { outcomes, pruned };
    },
  };
}

type Found = { readonly resource: Resource } | { readonly error: unknown };

const nameOfKind = ({ apiVersion, ref }: Wanted): string => `${apiVersion} ${ref.kind}`;

async function resolve(
  wanted: readonly Wanted[],
  find: (apiVersion: string, kind: string) => Promise<Resource>,
): Promise<ReadonlyMap<string, Found>> {
  const kinds = new Map(wanted.map((each) => [nameOfKind(each), each]));
  const found = new Map<string, Found>();
  for (const [name, { apiVersion, ref }] of kinds) found.set(name, await settled(find(apiVersion, ref.kind)));
  return found;
}

const settled = (resource: Promise<Resource>): Promise<Found> =>
  resource.then(
    (value) => ({ resource: value }),
    (error: unknown) => ({ error }),
  );

function pruneCallOf({ app, plan, step, scope, memory, signal }: Keeping, outcomes: readonly Outcome[]) {
  const refused = outcomes.filter(({ fault, child }) => fault !== undefined && child === undefined);
  return {
    uid: app.metadata.uid,
    namespace: app.metadata.namespace ?? "",
    wanted: new Set([...plan.wanted, ...plan.held].map(({ key }) => key)),
    faults: plan.faults,
    isScopeUnsure: scope.faults.length > 0,
    refused: refused.map(({ wanted: { ref, target } }) => ({
      kind: ref.kind,
      ...(target !== undefined && { target }),
    })),
    keeps: step.keeps,
    planned: new Set(step.targets.map(({ target }) => target.name)),
    scope: scope.scope,
    remembered: remembered(app, memory),
    unpruned: memory.unpruned,
    signal,
  };
}

/** What is wanted no more needs no memory. */
function forgetAll({ plan, memory }: Keeping): void {
  const keys = new Set([...plan.wanted, ...plan.held].map(({ key }) => key));
  for (const kept of [memory.applied, memory.refused]) {
    for (const key of kept.keys()) if (!keys.has(key)) kept.delete(key);
  }
}

const containedOf = ({ ref, apiVersion, ordinal }: Wanted): Contained => ({
  ...ref,
  version: versionOf(apiVersion),
  ordinal,
});

function annotationOf({ metadata }: EdgeApplication, { contained }: Memory): string | undefined {
  const isNewer = contained !== undefined && isOlder(metadata.resourceVersion, contained.resourceVersion);
  return isNewer ? contained.text : metadata.annotations?.[LAST_CONTAINED_RESOURCES];
}

const remembered = (app: EdgeApplication, memory: Memory): readonly Contained[] =>
  readContained(annotationOf(app, memory));

/** Before anything of a new kind is made: were we to end in between, it could be found by nobody. */
async function rememberKinds(deps: KeeperDeps, o: Keeping): Promise<void> {
  const old = remembered(o.app, o.memory);
  const known = new Set(old.map(kindOf));
  const wanted = o.plan.wanted.map(containedOf);
  if (wanted.every((each) => known.has(kindOf(each)))) return;
  const keys = new Set(wanted.map(refKey));
  await remember(deps, o, [...wanted, ...old.filter((each) => !keys.has(refKey(each)))]);
}

async function remember(deps: KeeperDeps, o: Keeping, objects: readonly Contained[]): Promise<void> {
  const text = writeContained(objects);
  const old = annotationOf(o.app, o.memory) ?? "[]";
  const short = writeContained(objects, 0);
  if (text === old || (short === old && o.memory.isTextShort === true)) return;
  try {
    await annotate(deps, o, text);
  } catch (error) {
    // There is no room beside the annotations of others. One object of each kind is enough to find all.
    if (!isInvalid(error) || short === text) throw error;
    o.memory.isTextShort = true;
    if (short !== old) await annotate(deps, o, short);
  }
}

async function annotate({ client }: KeeperDeps, o: Keeping, text: string): Promise<void> {
  const { app, memory, signal } = o;
  const { name, namespace = "", uid } = app.metadata;
  const annotations = { [LAST_CONTAINED_RESOURCES]: text };
  const written = await client.apply<KubeObject>(
    EDGE_APPLICATIONS,
    { metadata: { name, namespace, uid, annotations } },
    { fieldManager: FIELD_MANAGER, signal },
  );
  memory.contained = { resourceVersion: written.metadata.resourceVersion, text };
}
