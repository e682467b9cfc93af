// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationRollout, RenderedSpec } from "@longshore/crds/apps";
import type { Clock, Log } from "../../runtime/index.ts";
import { assignmentOf, type Assignment, type AssignmentInput } from "./assignment.ts";
import { inParallel } from "../parallel.ts";
import { batchesOf, type Batches } from "./batches.ts";
import { holds } from "./checks.ts";
import type { RolloutCounters } from "./counters.ts";
import type { HostLabels } from "./host-labels.ts";
import { newImagesOf } from "./images.ts";
import { give, newest, type Remembered, type Standing } from "./memory.ts";
import { hostMovesOf, keepsOf, plansOf, type Move, type MovementInput } from "./movement.ts";
import { plan, type Facts, type Plan, type Want } from "./plan.ts";
import { policyOf, type Policy } from "./policy.ts";
import type { Measured, Metrics, PrePull, Revisions, RolloutInput, RolloutStep, Words } from "./port.ts";
import { answered, forgetQuestion } from "./question.ts";
import type { Rendering } from "./rendering.ts";
import { isStill, sinceMs, type Status } from "./state.ts";
import { notPrePulled, pausedOf, prePulledOf, rolledOutOf } from "./words.ts";
import { createWorld, type World } from "./world.ts";

export interface StepDeps {
  readonly clock: Pick<Clock, "wallMs">;
  readonly log: Log;
  readonly revisions: Revisions;
  readonly prePull: PrePull;
  readonly metrics: Metrics;
  readonly hosts: HostLabels;
  readonly rendering: Rendering;
  /** After this a DaemonSet's count that is less than its hosts is taken as it is. */
  readonly settleMs: number;
  /** When a host whose label could not be set is tried again. */
  readonly retryMs: number;
  /** A step waits so long for Prometheus; then it is asked after. */
  readonly answerWaitMs: number;
  /** Labels of hosts that are written at once. */
  readonly labelConcurrency: number;
  readonly counters: RolloutCounters;
}

interface Situation {
  readonly deps: StepDeps;
  readonly input: RolloutInput;
  readonly signal: AbortSignal;
  readonly entry: Remembered;
  readonly nowMs: number;
  readonly policy: Policy;
  readonly wanted: string;
  readonly before: Standing;
  readonly world: World;
  /** The wanted revision's targets. */
  readonly batches: Batches;
}

export interface StepInput {
  readonly input: RolloutInput;
  readonly rollout: EdgeApplicationRollout;
  readonly spec: RenderedSpec;
  readonly entry: Remembered;
}

/** One step of a rollout: looks, decides, asks and moves hosts. */
export async function rolloutStep(deps: StepDeps, of: StepInput, signal: AbortSignal): Promise<RolloutStep> {
  const situation = await look(deps, of, signal);
  const { entry, before } = situation;
  if (before.status?.revision !== situation.wanted) await begin(situation, of.spec);
  const { status, afterMs } = await decide(situation);
  if (status.phase !== "Verifying" && status.phase !== "Paused") forgetQuestion(entry);
  const assignment = assignmentOf(standingOf(situation, status));
  if (status.phase !== before.status?.phase || status.revision !== before.status?.revision) {
    tellPhase(situation, status);
    await settle(situation, { status, assignment, spec: of.spec });
  }
  give(entry, before.status, { status, running: runningOf(before, assignment) });
  return carryOut(situation, { status, assignment, afterMs });
}

async function look(deps: StepDeps, of: StepInput, signal: AbortSignal): Promise<Situation> {
  const { input, rollout, entry } = of;
  const nowMs = deps.clock.wallMs();
  const before = newest(entry, input.app);
  const wanted = deps.revisions.nameOf(of.spec);
  const specs = await specsOf(deps, { ...of, before, wanted }, signal);
  const world = createWorld({ rendering: deps.rendering, input, specs, drawn: entry.drawn });
  const batches = batchesOf(rollout.batches ?? [], [...(world.targetsOf(wanted)?.keys() ?? [])]);
  return { deps, input, signal, entry, nowMs, policy: policyOf(rollout), wanted, before, world, batches };
}

/** Specs of all revisions that are in use. The same name is the same spec: each is read once. */
async function specsOf(
  { revisions }: StepDeps,
  { input, spec, entry, before, wanted }: StepInput & { readonly before: Standing; readonly wanted: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, RenderedSpec>> {
  const specs = new Map([[wanted, spec]]);
  const { stableRevision, revision } = before.status ?? {};
  for (const name of new Set([...before.running.values(), stableRevision, revision])) {
    if (name === undefined || specs.has(name)) continue;
    const found = entry.specs.get(name) ?? (await revisions.read(input.app, name, signal));
    if (found !== undefined) specs.set(name, found);
  }
  entry.specs = specs;
  return specs;
}

/** Kept before anything gets it: a crash later finds it. */
async function begin(
  { deps, input, signal, wanted, entry, world, before, policy }: Situation,
  spec: RenderedSpec,
): Promise<void> {
  await deps.revisions.save(input.app, spec, signal);
  // An edit after the other, and none gets to its end: also then no more than the history stays.
  const { stableRevision, failedRevision } = before.status ?? {};
  const used = [wanted, stableRevision, failedRevision, ...before.running.values()];
  await deps.revisions.trim(input.app, namesOf(used), policy.historyLimit, signal);
  await deps.prePull.clean(world.owner, wanted, signal);
  delete entry.askedMs;
  delete entry.pulled;
}

const namesOf = (revisions: readonly (string | undefined)[]): string[] => [
  ...new Set(revisions.filter((name) => name !== undefined)),
];

function standingOf({ before, world, batches }: Situation, status: Status): AssignmentInput {
  const wantedTargets = batches.batches.flatMap(({ targets }) => targets);
  return {
    status,
    running: before.running,
    targetsOf: (revision) => world.targetsOf(revision),
    wantedTargets,
  };
}

async function decide(situation: Situation): Promise<Plan> {
  const { before, policy } = situation;
  let facts = factsOf(situation);
  let status = before.status;
  // Each batch asks for its images and for its checks once.
  const maxAsks = 2 * facts.batches.batches.length + 2;
  for (let asks = 0; ; asks += 1) {
    const made = plan(status, { policy, facts });
    if (made.want === undefined) return made;
    if (asks >= maxAsks) return { ...made, afterMs: 1 };
    status = made.status;
    const answer = await answerOf(situation, made.want, status);
    if (answer === undefined) return { ...made, afterMs: ASK_AFTER_MS };
    facts = { ...factsOf(situation), ...answer };
  }
}

function factsOf({ batches, nowMs, wanted, before, world, entry }: Situation): Facts {
  const stable = before.status?.stableRevision;
  const stableTargets = stable === undefined ? undefined : world.targetsOf(stable);
  return {
    ...{ nowMs, wanted, batches },
    stableTargets: stableTargets && [...stableTargets.keys()],
    waitsFor: (target, revision) => world.waitsFor(target, revision),
    ...(entry.askedMs !== undefined && { askedMs: entry.askedMs }),
  };
}

async function answerOf(
  situation: Situation,
  want: Want,
  status: Status,
): Promise<Pick<Facts, "pull" | "measured" | "askedMs"> | undefined> {
  const { nowMs, entry, deps } = situation;
  if (want.kind === "measure") {
    const measured = await measure(situation, status);
    if (measured === undefined) return undefined;
    entry.askedMs = nowMs;
    return { measured, askedMs: nowMs };
  }
  const answer = await pull(situation, want, status);
  const pulled = prePulledOf(status, answer);
  if (entry.pulled?.message !== pulled.message) deps.counters.prePull(answer.state);
  entry.pulled = pulled;
  return { pull: { batch: want.batch, answer } };
}

/** Between two looks for an answer that is late. */
const ASK_AFTER_MS = 1000;
const MAX_ANSWER_AGE_MS = 15_000;

async function measure(
  { deps, policy, signal, entry, world, batches }: Situation,
  { revision, batchName, phaseStartTime }: Status,
): Promise<readonly Measured[] | undefined> {
  const { checks } = policy;
  const about = JSON.stringify([revision, batchName, phaseStartTime, batches.batches.length, checks]);
  const ask = (until: AbortSignal): Promise<readonly Measured[]> =>
    Promise.all(checks.map(({ query }) => deps.metrics.query(query, until)));
  const wallMs = (): number => deps.clock.wallMs();
  const asking = { about, ask, wallMs, waitMs: deps.answerWaitMs, maxAgeMs: MAX_ANSWER_AGE_MS };
  const measured = await answered(entry, asking, signal);
  checks.forEach((check, index) => {
    const one = measured?.[index];
    if (one === undefined) return;
    if ("value" in one) {
      deps.counters.check(holds(check, one.value) ? "held" : "failed");
      return;
    }
    deps.counters.check("unanswered");
    deps.log.warn(
      { application: world.owner, check: check.name, reason: one.error },
      "a check of a rollout gives no number",
    );
  });
  return measured;
}

async function pull(
  situation: Situation,
  { batch, targets }: Extract<Want, { kind: "pull" }>,
  status: Status,
): Promise<NonNullable<Facts["pull"]>["answer"]> {
  const { deps, input, signal, world, wanted } = situation;
  const { revisions } = assignmentOf(standingOf(situation, status));
  const { images, nodes } = newImagesOf({ world, wanted, revisions, targets });
  if (images.length === 0) return { state: "nothing" };
  return deps.prePull.ensure({ app: input.app, revision: wanted, batch, images, nodes }, signal);
}

const ENDS: ReadonlySet<string> = new Set(["Completed", "RolledBack", "Failed", "Paused"]);

function tellPhase({ deps, world, wanted }: Situation, { phase = "", batch, reason }: Status): void {
  if (ENDS.has(phase)) deps.counters.ended(phase);
  deps.log.info(
    { application: world.owner, revision: wanted, phase, batch, reason },
    "rollout is in another phase",
  );
}

/** A phase ended: what only it needed is removed, and what the next rollout may need is kept. */
async function settle(
  { deps, input, signal, policy, world, wanted }: Situation,
  {
    status,
    assignment,
    spec,
  }: { readonly status: Status; readonly assignment: Assignment; readonly spec: RenderedSpec },
): Promise<void> {
  if (status.phase !== "Completed" && status.phase !== "RolledBack") return;
  const { app } = input;
  if (status.phase === "Completed") await deps.revisions.save(app, spec, signal);
  await deps.prePull.clean(world.owner, undefined, signal);
  const used = [wanted, status.stableRevision, status.failedRevision, ...assignment.revisions.values()];
  await deps.revisions.trim(app, namesOf(used), policy.historyLimit, signal);
}

/** What targets had that stay untouched is not forgotten. */
function runningOf({ running }: Standing, { revisions, untouched }: Assignment): ReadonlyMap<string, string> {
  return new Map([...[...running].filter(([target]) => untouched.has(target)), ...revisions]);
}

async function carryOut(
  situation: Situation,
  { status, assignment, afterMs }: { status: Status; assignment: Assignment; afterMs: number | undefined },
): Promise<RolloutStep> {
  const { deps, world, policy, nowMs, entry } = situation;
  const movement: MovementInput = {
    ...{ world, policy, assignment },
    isStill: policy.isPaused || isStill(status),
    isOverdue: status.phase === "RollingBack" && sinceMs(status, nowMs) >= policy.deadlineMs,
    isLongAgo: (target) => nowMs - (entry.movedMs.get(target) ?? entry.begunMs) >= deps.settleMs,
  };
  const { moves, isUnfinished } = hostMovesOf(movement, deps.hosts.labelled(world.key));
  const hasFailed = await move(situation, moves);
  const targets = plansOf(movement);
  entry.drawn = world.drawn;
  const isWaiting = isUnfinished || targets.some((target) => target.holds !== undefined);
  const spec = assignment.shared === undefined ? undefined : world.specOf(assignment.shared);
  const times = soonestOf(deps, { afterMs, isWaiting, hasFailed });
  return {
    targets,
    shared: spec && assignment.shared !== undefined ? { revision: assignment.shared, spec } : undefined,
    keeps: keepsOf(movement),
    status,
    conditions: conditionsOf(situation, status),
    ...(times.length > 0 && { afterMs: Math.max(1, Math.min(...times)) }),
  };
}

interface Waits {
  readonly afterMs: number | undefined;
  readonly isWaiting: boolean;
  readonly hasFailed: boolean;
}

const soonestOf = (deps: StepDeps, { afterMs, isWaiting, hasFailed }: Waits): readonly number[] => [
  ...(afterMs === undefined ? [] : [afterMs]),
  ...(isWaiting ? [deps.settleMs] : []),
  ...(hasFailed ? [deps.retryMs] : []),
];

/** @returns whether one could not be moved; the others are */
async function move(
  { deps, world, signal, entry, nowMs }: Situation,
  moves: readonly Move[],
): Promise<boolean> {
  let hasFailed = false;
  await inParallel(moves, deps.labelConcurrency, async ({ target, node, version }) => {
    if (target !== undefined) entry.movedMs.set(target, nowMs);
    try {
      await deps.hosts.set(world.key, { node, version }, signal);
      deps.counters.hostLabel("written");
    } catch (error) {
      signal.throwIfAborted();
      hasFailed = true;
      deps.counters.hostLabel("failed");
      deps.log.warn(
        { application: world.owner, node, version, err: error },
        "host could not be moved to a version",
      );
    }
  });
  return hasFailed;
}

function conditionsOf({ input, policy, entry }: Situation, status: Status): readonly Words[] {
  const known = entry.pulled ?? input.app.status?.conditions?.find(({ type }) => type === "ImagesPrePulled");
  const pulled = policy.doesPrePull ? known : notPrePulled;
  return [rolledOutOf(status), ...(pulled === undefined ? [] : [wordsOf(pulled)]), pausedOf(status, policy)];
}

const wordsOf = ({ type, status, reason, message }: Words): Words => ({ type, status, reason, message });
