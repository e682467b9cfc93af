// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../../delivery/errors.ts";
import {
  DONE,
  isConflict,
  isNotFound,
  removeFinalizer,
  type Client,
  type Clock,
  type EventDetails,
  type EventRecorder,
  type Informer,
  type ReconcileContext,
  type Reconciler,
  type Result,
} from "../../runtime/index.ts";
import { decide } from "../decide.ts";
import { ordersOf } from "../orders.ts";
import type { Decision, JobEvent, JobStatus, Nodes, TaskReport } from "../port.ts";
import type { JobAdapter } from "./adapter.ts";
import { isNodeMissed } from "./known-nodes.ts";
import { countTasks, type JobMetrics } from "./metrics.ts";
import { restMs, type Pace } from "./pace.ts";
import { dropReports, isJobGone, type Reports } from "./reports.ts";
import { isLeaving, type Rivals } from "./rivals.ts";
import { silentTasks, unreachedBy, type Silence } from "./standings.ts";
import { wholeJob, type StoredJob } from "./stored-job.ts";

export interface ReconcilerDeps extends Pace, Silence {
  readonly adapter: JobAdapter;
  readonly client: Pick<Client, "get" | "update" | "patch" | "deleteCollection">;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly metrics: JobMetrics;
  readonly jobs: Pick<Informer<StoredJob>, "get">;
  readonly reports: Reports;
  readonly nodes: Nodes;
  readonly rivals: Rivals;
  /** Makes a status fit the kind's schema. */
  readonly shape: (status: JobStatus) => JobStatus;
}

/** What is known of a job beside what the caches hold. */
interface Memory {
  /** Version that was written from last: what the cache shows until our write has come. */
  writtenFrom: string;
  /** Monotonic. */
  writtenMs: number;
  nextWriteMs: number;
}

const MANAGER = "longshore-node-job";
/** How soon a job is looked at again that changed meanwhile. */
const CONFLICT_MS = 100;
/** Our own write comes back as an event; this is for when it does not. */
const LOST_EVENT_MS = 1_000;
/** Counts and progress alone are not written more often. */
const MINOR_REST_MS = 5_000;
/** When what a decision stands on cannot be told: Redis is away, or the watch of Nodes behind. */
const UNKNOWN_MS = 2_000;

/** Carries jobs of one kind through their nodes. All that it does is write their status: orders follow from that. */
export function createJobReconciler(deps: ReconcilerDeps): Reconciler {
  const memories = new Map<string, Memory>();
  return async ({ name }, context) => {
    const stored = deps.jobs.get({ name });
    if (stored === undefined) memories.delete(name);
    try {
      const orphaned = await dropOrphans(deps, name, stored, context);
      if (stored === undefined) return orphaned;
      if (isLeaving(stored)) return await release(deps, stored, context);
      if (stored.isEnded && deps.reports.count(stored.metadata.uid) === 0) return DONE;
      return await advance(deps, memories, stored, context);
    } catch (error) {
      if (isNotFound(error)) return DONE;
      if (!isConflict(error)) throw error;
      deps.metrics.writes.inc({ kind: deps.adapter.kind, result: "conflict" });
      return { requeueAfterMs: CONFLICT_MS };
    }
  };
}

/** What was told of jobs of this name that are gone. The garbage collector does it too, where there is one. */
async function dropOrphans(
  { adapter, client, reports }: ReconcilerDeps,
  name: string,
  stored: StoredJob | undefined,
  { signal }: ReconcileContext,
): Promise<Result> {
  let result = DONE;
  for (const uid of reports.uidsOf(adapter.kind, name)) {
    if (uid === stored?.metadata.uid) continue;
    const isGone = await isJobGone(client, adapter.resource, { name, uid, signal });
    if (isGone) await dropReports(client, uid, signal);
    else result = { requeueAfterMs: LOST_EVENT_MS };
  }
  return result;
}

/** Only what KubeEdge's controllers left: ours put no finalizer on jobs. */
async function release(
  { adapter, client }: ReconcilerDeps,
  object: StoredJob,
  { signal }: ReconcileContext,
): Promise<Result> {
  for (const finalizer of adapter.resource.finalizers)
    await removeFinalizer({ client, resource: adapter.resource, object, finalizer, signal });
  return DONE;
}

/** What nodes told is in the status by now. */
async function tidy(
  { client, reports }: ReconcilerDeps,
  { metadata: { uid } }: StoredJob,
  { signal }: ReconcileContext,
): Promise<Result> {
  if (reports.count(uid) > 0) await dropReports(client, uid, signal);
  return DONE;
}

/** What is kept of an ended job lacks its nodes: one that was given up may tell still how it ended. */
async function reread(
  { adapter, client }: ReconcilerDeps,
  stored: StoredJob,
  { signal }: ReconcileContext,
): Promise<StoredJob | undefined> {
  const { name } = stored.metadata;
  return wholeJob(stored, await client.get(adapter.resource, { name }, { signal }));
}

async function advance(
  deps: ReconcilerDeps,
  memories: Map<string, Memory>,
  seen: StoredJob,
  context: ReconcileContext,
): Promise<Result> {
  const { name, resourceVersion } = seen.metadata;
  const memory = memories.get(name) ?? { writtenFrom: "", writtenMs: -Infinity, nextWriteMs: 0 };
  memories.set(name, memory);
  // Nothing is decided twice from the same status.
  if (memory.writtenFrom === resourceVersion) return { requeueAfterMs: LOST_EVENT_MS };
  const waitMs = memory.nextWriteMs - deps.clock.nowMs();
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  const stored = seen.isEnded ? await reread(deps, seen, context) : seen;
  if (stored === undefined) return tidy(deps, seen, context);
  const decision = await decisionOf(deps, stored, context);
  if (decision === undefined) return { requeueAfterMs: UNKNOWN_MS };
  const restsMs = restBefore(decision, { stored, memory, nowMs: deps.clock.nowMs() });
  if (restsMs === 0) await write(deps, { stored, memory, decision }, context);
  else if (restsMs === undefined && decision.isEnded) return tidy(deps, stored, context);
  return resultOf(decision, restsMs);
}

/** How long a decision waits to be written; undefined: it says nothing new. */
function restBefore(
  { status, isChanged }: Decision,
  { stored, memory, nowMs }: { stored: StoredJob; memory: Memory; nowMs: number },
): number | undefined {
  if (isChanged) return 0;
  return status === stored.status ? undefined : Math.max(0, memory.writtenMs + MINOR_REST_MS - nowMs);
}

function resultOf({ recheckMs }: Decision, restsMs: number | undefined): Result {
  const soonest = Math.min(
    recheckMs ?? Infinity,
    restsMs === undefined || restsMs === 0 ? Infinity : restsMs,
  );
  return Number.isFinite(soonest) ? { requeueAfterMs: Math.max(1, soonest) } : DONE;
}

/** @returns undefined while it must be known whether an order was delivered, or which nodes there are, and is not */
async function decisionOf(
  deps: ReconcilerDeps,
  stored: StoredJob,
  { signal, log }: ReconcileContext,
): Promise<Decision | undefined> {
  const { adapter, clock, metrics, nodes } = deps;
  const { job, status } = stored;
  const reports = deps.reports.ofJob(stored.metadata.uid);
  const nowMs = clock.wallMs();
  try {
    if (await isNodeMissed(deps, stored, signal)) return undefined;
    const unreached = await unreachedOf(deps, stored, reports, nowMs);
    const rivals = stored.isEnded ? [] : await deps.rivals.of(stored, signal);
    const ended = metrics.decideSeconds.startTimer({ kind: adapter.kind });
    const decision = decide({ job, status, reports, nodes, rivals, unreached, nowMs });
    ended();
    return decision;
  } catch (error) {
    if (!(error instanceof DeliveryError) || !error.retryable) throw error;
    log.warn({ err: error }, "Redis is away: whether silent nodes got their orders is looked for later");
    return undefined;
  }
}

async function unreachedOf(
  { nodes, ...deps }: ReconcilerDeps,
  stored: StoredJob,
  reports: readonly TaskReport[],
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const told = new Set(reports.map(({ nodeName }) => nodeName));
  const silent = silentTasks(stored, told, nowMs);
  return unreachedBy(deps, stored, ordersOf(stored.job.kind, silent, nodes));
}

interface Writing {
  readonly stored: StoredJob;
  readonly memory: Memory;
  readonly decision: Decision;
}

async function write(
  deps: ReconcilerDeps,
  { stored, memory, decision }: Writing,
  { signal }: ReconcileContext,
): Promise<void> {
  const { adapter, client, clock, metrics } = deps;
  const { kind } = adapter;
  const { name, uid, resourceVersion } = stored.metadata;
  const body = { metadata: { name, uid, resourceVersion }, status: deps.shape(decision.status) };
  try {
    await client.update(adapter.resource, body, { subresource: "status", fieldManager: MANAGER, signal });
  } catch (error) {
    if (!isConflict(error)) metrics.writes.inc({ kind, result: "failed" });
    throw error;
  }
  metrics.writes.inc({ kind, result: "written" });
  const nowMs = clock.nowMs();
  memory.writtenFrom = resourceVersion;
  memory.writtenMs = nowMs;
  // Its nodes begin with the write that follows its acceptance: that one does not wait.
  const isAccepted = stored.status?.sequence !== undefined;
  memory.nextWriteMs = isAccepted ? nowMs + restMs(decision.status.nodeStatus?.length ?? 0, deps) : nowMs;
  countTasks(metrics, stored, decision.status);
  for (const event of decision.events) deps.recorder.event(stored, detailsOf(event));
}

const detailsOf = ({ type, reason, message, node, step = "Job" }: JobEvent): EventDetails => ({
  ...{ type, reason, action: step, note: message },
  ...(node !== undefined && { related: { apiVersion: "v1", kind: "Node", name: node } }),
});
