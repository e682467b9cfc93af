// SPDX-License-Identifier: Apache-2.0
import { ATTEMPT_ANNOTATION, attemptOf, orderDigest } from "@longshore/crds/tasks";
import { concurrencyOf, timeoutSecondsOf, type JobSpec } from "@longshore/crds/operations";
import type { Trimmed } from "../../placement/index.ts";
import type { KubeObject, ObjectMeta } from "../../runtime/index.ts";
import { adopted } from "../adopt.ts";
import type { Job, JobStatus, Task } from "../port.ts";
import { isFailed } from "../tolerance.ts";
import type { JobAdapter, SpecView } from "./adapter.ts";

/** All that is kept of a job. */
export interface StoredJob extends Trimmed {
  readonly job: Job;
  /** As it is stored; of an ended job without what its nodes told. */
  readonly status: JobStatus | undefined;
  /** Nothing of it is to be done any more. */
  readonly isEnded: boolean;
  /** Digest of the order of a task. */
  orderDigest(attempt: number, salt: string): string;
}

interface RawJob extends KubeObject {
  readonly spec?: object;
  readonly status?: JobStatus;
}

const DEFAULT_TOLERATE = 0.1;
const NO_TASKS: readonly Task[] = [];

/** Of one informer: the same function each time that it is asked for. */
export const createTrim =
  (adapter: JobAdapter): ((object: KubeObject) => StoredJob) =>
  (object) => {
    const { metadata, spec, status } = object as RawJob;
    const job = jobOf(adapter, object);
    const seen = adopted(job, status);
    // What KubeEdge ended is left alone, whatever it left of its nodes, unless they are to try again.
    const isTheirs = status?.sequence === undefined && job.attempt === 1;
    const isEnded = seen !== undefined && isOver(isTheirs ? withoutTasks(seen) : seen, job.attempt);
    return {
      apiVersion: `${adapter.resource.group}/${adapter.resource.version}`,
      kind: adapter.kind,
      metadata: lifeOf(metadata),
      digest: "", // its orders have digests of their own
      job: isEnded ? { ...job, nodeNames: [] } : job,
      status: isEnded ? withoutTasks(seen) : status,
      isEnded,
      orderDigest: createOrderDigest(metadata.uid, isEnded ? undefined : spec),
    };
  };

/** An ended job with what its nodes told. @returns undefined when KubeEdge ended it: that is left as it is */
export function wholeJob(stored: StoredJob, object: KubeObject): StoredJob | undefined {
  const { metadata, status } = object as RawJob;
  if (metadata.uid !== stored.metadata.uid || status?.sequence === undefined) return undefined;
  return { ...stored, metadata: lifeOf(metadata), status };
}

function withoutTasks(status: JobStatus): JobStatus {
  const rest = { ...status };
  Reflect.deleteProperty(rest, "nodeStatus");
  return rest;
}

const lifeOf = (metadata: ObjectMeta): ObjectMeta => ({
  ...{ name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
  ...(metadata.generation !== undefined && { generation: metadata.generation }),
  ...(metadata.deletionTimestamp !== undefined && { deletionTimestamp: metadata.deletionTimestamp }),
  ...(metadata.finalizers !== undefined && { finalizers: metadata.finalizers }),
});

/** The attempt of the task counts, not what is asked for by now: a node at work is not to be ordered anew. */
function createOrderDigest(uid: string, spec: object | undefined): StoredJob["orderDigest"] {
  const known = new Map<string, string>();
  return (attempt, salt) => {
    const key = `${attempt} ${salt}`;
    const digest =
      known.get(key) ??
      orderDigest({ metadata: { uid, annotations: { [ATTEMPT_ANNOTATION]: String(attempt) } }, spec }, salt);
    known.set(key, digest);
    return digest;
  };
}

/** @param attempt that is asked for: nodes that failed in an earlier one, or never began, begin then */
function isOver({ phase, nodeStatus = NO_TASKS }: JobStatus, attempt: number): boolean {
  if (phase !== "Completed" && phase !== "Failure") return false;
  return nodeStatus.every(
    (task) =>
      task.phase !== "InProgress" &&
      !((isFailed(task) || task.phase === "Pending") && task.attempt < attempt),
  );
}

function jobOf(adapter: JobAdapter, { metadata, spec, status }: RawJob): Job {
  const view = adapter.view(spec);
  return {
    kind: adapter.kind,
    name: metadata.name,
    uid: metadata.uid,
    sequence: status?.sequence ?? metadata.resourceVersion,
    ...(metadata.generation !== undefined && { generation: metadata.generation }),
    attempt: attemptOf(metadata.annotations),
    ...limitsOf(view.spec),
    ...subjectsOf(view),
  };
}

const limitsOf = (limits: JobSpec) => ({
  concurrency: concurrencyOf(limits),
  timeoutMs: timeoutSecondsOf(limits) * 1000,
  tolerate: tolerateOf(limits),
  nodeNames: limits.nodeNames ?? [],
  ...(limits.labelSelector !== undefined && { labelSelector: limits.labelSelector }),
});

const subjectsOf = ({
  requireConfirmation = false,
  asksRegistry = false,
  fields = [],
  images,
  ...view
}: SpecView) => ({
  ...{ requireConfirmation, fields },
  ...(asksRegistry && { asksRegistry }),
  ...(images !== undefined && { images }),
  ...(view.faults.length > 0 && { faults: view.faults.map(({ field, message }) => `${field}: ${message}`) }),
});

function tolerateOf({ failureTolerate = "" }: JobSpec): number {
  const share = failureTolerate === "" ? DEFAULT_TOLERATE : Number(failureTolerate);
  return share >= 0 && share <= 1 ? share : DEFAULT_TOLERATE;
}
