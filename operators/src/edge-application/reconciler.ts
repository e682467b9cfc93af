// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import {
  targetsOf,
  type EdgeApplication,
  type EdgeApplicationStatus,
  type Owner,
  type Target,
} from "@longshore/crds/apps";
import {
  DONE,
  keyOf,
  TerminalError,
  withCondition,
  type Client,
  type Clock,
  type EventRecorder,
  type Reader,
  type Reconciler,
  type Request,
  type Result,
} from "../runtime/index.ts";
import { createKeeper, type Kept } from "./keeper.ts";
import type { Memories, Memory } from "./memory.ts";
import { observe } from "./observe.ts";
import type { EdgeApplicationTuning } from "./options.ts";
import type { Places } from "./place.ts";
import { planOf, type Plan } from "./plan.ts";
import { refKey } from "./resources.ts";
import type { Rollout, RolloutStep } from "./rollout/index.ts";
import { cut } from "./status/conditions.ts";
import { statusOf } from "./status/status.ts";
import { newestStatus, writeStatus } from "./status/writer.ts";
import { tell } from "./tellings.ts";
import { viewOf } from "./view.ts";
import type { Children } from "./watch/children.ts";
import type { Discovery } from "./watch/discovery.ts";
import type { Interests } from "./watch/interests.ts";
import { topicOfGroup, type Topic } from "./watch/nodes.ts";

export interface ReconcilerDeps {
  readonly client: Pick<Client, "get" | "patch" | "apply" | "delete">;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly apps: Pick<Reader<EdgeApplication>, "get">;
  readonly places: Places;
  readonly children: Children;
  readonly discovery: Discovery;
  readonly interests: Interests;
  readonly memories: Memories;
  readonly rollout: Rollout;
  readonly tuning: Required<EdgeApplicationTuning>;
}

/** Makes an application's objects what they should be, and tells how they stand. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { tuning, memories } = deps;
  const keeper = createKeeper({ ...deps, ...tuning });
  const status = { client: deps.client, clock: deps.clock, everyMs: tuning.statusEveryMs };

  const look = async ({ app, memory, signal }: Look): Promise<Result> => {
    const isFirst = memory.wanted === undefined;
    await keeper.recall(app, memory, signal);
    const topics = topicsOf(app);
    const groups = deps.places.groups();
    const scope = targetsOf(app.spec.workloadScope, groups);
    const nodesOf = (target: Target) => deps.places.nodesOf(target, topics);
    const children = deps.children.of(app.metadata.uid);
    const step = await deps.rollout.step(
      {
        app: withStatus(app, newestStatus(app, memory)),
        groups,
        view: (target) => viewOf({ target, nodes: nodesOf(target), children, memory }),
      },
      signal,
    );
    const plan = planOf(ownerOf(app), step, memory.parts);
    memory.wanted = wantedOf(plan);
    await storeRollout({ app, memory, step, status, signal });
    const names = new Set(scope.targets.map(({ name }) => name));
    const kept = await keeper.keep({ app, memory, plan, step, signal, scope: { ...scope, scope: names } });
    const byKey = new Map(children.map((child) => [refKey(child.ref), child]));
    const observed = observe({
      ...{ app, step, plan, scope, groups, nodesOf, ...kept },
      childOf: ({ key }) => byKey.get(key),
    });
    deps.interests.set(keyFor(app), topics);
    tell(deps.recorder, app, { memory, observed, outcomes: kept.outcomes });
    const next = statusOf(observed, newestStatus(app, memory), secondsOf(deps.clock.wallMs()));
    const waitMs = await writeStatus(status, { app, memory, status: next, isUrgent: false, signal });
    return againIn([
      ...(waitMs > 0 ? [waitMs] : []),
      ...againOf(kept),
      ...(step.afterMs === undefined ? [] : [step.afterMs]),
      ...(mustLookAgain(step, kept, isFirst) ? [tuning.settleMs] : []),
    ]);
  };

  const forget = async (request: Request, uid: string, signal: AbortSignal): Promise<void> => {
    await deps.rollout.forget({ ...request, uid }, signal);
    memories.delete(keyOf(request));
    deps.interests.delete(keyOf(request));
  };

  const leaveOld = async (request: Request, app: EdgeApplication, signal: AbortSignal): Promise<void> => {
    const before = memories.peek(keyOf(request));
    if (before !== undefined && before.uid !== app.metadata.uid) await forget(request, before.uid, signal);
  };
  const lookOrTell = async (o: Look): Promise<Result> => {
    try {
      return await look(o);
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      await tellTerminal({ ...o, status, now: secondsOf(deps.clock.wallMs()), error });
      throw error;
    }
  };

  return async (request, { signal }) => {
    const app = deps.apps.get(request);
    if (app === undefined || app.metadata.deletionTimestamp !== undefined) {
      const uid = app?.metadata.uid ?? memories.peek(keyOf(request))?.uid ?? "";
      await forget(request, uid, signal);
      return DONE;
    }
    await leaveOld(request, app, signal);
    return lookOrTell({ app, memory: memories.of(keyOf(request), app.metadata.uid), signal });
  };
}

interface Look {
  readonly app: EdgeApplication;
  readonly memory: Memory;
  readonly signal: AbortSignal;
}

const keyFor = ({ metadata: { namespace = "", name } }: EdgeApplication): string =>
  keyOf({ namespace, name });

const ownerOf = ({ metadata: { name, namespace = "", uid } }: EdgeApplication): Owner => ({
  name,
  namespace,
  uid,
});

const withStatus = (app: EdgeApplication, status: EdgeApplicationStatus | undefined): EdgeApplication => ({
  ...app,
  ...(status !== undefined && { status }),
});

/** What an application depends on whatever its targets are: whether groups exist, and what labels they have. */
function topicsOf({ spec }: EdgeApplication): Set<Topic> {
  const { targetNodeGroups = [], targetNodeGroupSelectors = [] } = spec.workloadScope;
  const topics = new Set<Topic>(targetNodeGroups.map(({ name }) => topicOfGroup(name)));
  if (targetNodeGroupSelectors.length > 0) topics.add("groups");
  return topics;
}

const wantedOf = ({ wanted }: Plan): NonNullable<Memory["wanted"]> =>
  new Map(
    wanted.map(({ key, hash, target, version }) => [
      key,
      { hash, ...(target !== undefined && { target }), ...(version !== undefined && { version }) },
    ]),
  );

interface Stored extends Look {
  readonly step: RolloutStep;
  readonly status: Parameters<typeof writeStatus>[0];
}

/** What a rollout decided stands in the status before anything is done: so it goes on from there after a crash. */
async function storeRollout({ app, memory, step, status, signal }: Stored): Promise<void> {
  const old = newestStatus(app, memory);
  if (step.status === undefined || isDeepStrictEqual(old?.rollout, step.status)) return;
  const revisions = new Map(step.targets.map(({ target, revision }) => [target.name, revision]));
  const known = old?.targets ?? [];
  const names = new Set(known.map(({ name }) => name));
  const fresh = [...revisions.keys()].filter((name) => !names.has(name)).map((name) => ({ name }));
  const targets = [...known, ...fresh]
    .map((target) => ({ ...target, ...revisionOf(revisions.get(target.name)) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const next = { ...old, targets, rollout: step.status };
  await writeStatus(status, { app, memory, status: next, isUrgent: true, signal });
}

const revisionOf = (revision: string | undefined): { readonly revision?: string } =>
  revision === undefined ? {} : { revision };

const againOf = ({ outcomes, pruned }: Kept): readonly number[] =>
  [pruned, ...outcomes].flatMap(({ againInMs }) => againInMs ?? []);

/** A rollout waits for what was applied; where nothing changed by it, no event comes. */
const mustLookAgain = (step: RolloutStep, { outcomes }: Kept, isFirst: boolean): boolean =>
  step.status !== undefined && (isFirst || outcomes.some(({ wasWritten }) => wasWritten));

const againIn = (delaysMs: readonly number[]): Result =>
  delaysMs.length === 0 ? DONE : { requeueAfterMs: Math.max(1, Math.min(...delaysMs)) };

interface Terminal extends Look {
  readonly status: Parameters<typeof writeStatus>[0];
  readonly now: string;
  readonly error: TerminalError;
}

/** Nothing can be done until somebody changes the application. */
async function tellTerminal({ status, now, app, memory, error, signal }: Terminal): Promise<void> {
  const old = newestStatus(app, memory);
  const words = {
    ...({ type: "Ready", status: "False", reason: "ObjectFailed", message: cut(error.message) } as const),
    observedGeneration: app.metadata.generation ?? 0,
  };
  const conditions = withCondition(old?.conditions, words, now);
  await writeStatus(status, {
    app,
    memory,
    status: { ...old, conditions: [...conditions] },
    isUrgent: true,
    signal,
  });
}

/** RFC 3339, whole seconds */
const secondsOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
