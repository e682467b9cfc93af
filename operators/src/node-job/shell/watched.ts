// SPDX-License-Identifier: Apache-2.0
import {
  createChannel,
  type Channel,
  type Enqueue,
  type EventHandler,
  type Informer,
  type KubeObject,
  type Manager,
  type ObjectEvent,
} from "../../runtime/index.ts";
import type { JobAdapter } from "./adapter.ts";
import type { NodeReader } from "./fleet.ts";
import type { StoredReport } from "./reports.ts";
import { createRivals, isLeaving, type Rivals } from "./rivals.ts";
import { createTrim, type StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

/** One kind of jobs, watched. */
export interface Watched {
  readonly adapter: JobAdapter;
  readonly informer: Informer<StoredJob>;
  readonly trim: (object: KubeObject) => StoredJob;
  readonly rivals: Rivals;
  /** Jobs that something of the fleet changed for. */
  readonly requests: Channel;
}

/** @param neighbours jobs of the other kinds that change the agent */
export function watchJobs(
  manager: Manager,
  adapter: JobAdapter,
  neighbours: () => readonly StoredJob[],
): Watched {
  const trim = createTrim(adapter);
  const informer = manager.cache.informer<StoredJob>(adapter.resource, { transform: trim });
  informer.addIndex("node", (stored) =>
    (stored.status?.nodeStatus ?? [])
      .filter(({ phase }) => phase === "InProgress")
      .map(({ nodeName }) => nodeName),
  );
  return {
    ...{ adapter, informer, trim },
    rivals: createRivals({ adapter, neighbours, jobs: informer, client: manager.client }),
    requests: createChannel(`${adapter.kind}s whose nodes changed`),
  };
}

/** Nodes that are not Ready, and whose tasks have not begun. */
export function awaitedNodes(
  watched: readonly Watched[],
  nodes: Pick<NodeReader, "get">,
): ReadonlySet<string> {
  const isAway = (name: string): boolean => {
    const node = nodes.get({ name });
    return node !== undefined && node.ready !== "Ready";
  };
  const tasks = watched
    .flatMap(({ informer }) => informer.list())
    .flatMap(({ status }) => status?.nodeStatus ?? []);
  const waiting = tasks.filter(({ phase, nodeName }) => phase === "Pending" && isAway(nodeName));
  return new Set(waiting.map(({ nodeName }) => nodeName));
}

/** Jobs that wait for a node have it looked at. */
export function wakeJobs(watched: readonly Watched[], node: string): void {
  for (const { informer, requests } of watched)
    for (const stored of informer.list()) {
      if (stored.isEnded || tasksByNode(stored).get(node)?.phase !== "Pending") continue;
      requests.enqueue({ namespace: "", name: stored.metadata.name });
    }
}

/** The other kinds that change the agent. */
export const neighboursOf = ({ kind }: JobAdapter, watched: readonly Watched[]): readonly Watched[] =>
  watched.filter(({ adapter }) => adapter.kind !== kind && adapter.supersedes !== undefined);

/** Jobs of the other kinds that may have waited for nodes of this one have them looked at. */
export const wakeNeighbours =
  ({ adapter }: Watched, watched: readonly Watched[]) =>
  (event: ObjectEvent<StoredJob>): void => {
    if (adapter.supersedes === undefined || !isTurn(event)) return;
    for (const { informer, requests } of neighboursOf(adapter, watched))
      for (const { metadata, isEnded } of informer.list())
        if (!isEnded) requests.enqueue({ namespace: "", name: metadata.name });
  };

/** The job itself, and those that it may have kept waiting or made needless. */
export const jobsOf =
  ({ rivals }: Watched): EventHandler<StoredJob> =>
  (event) => {
    const self: Enqueue = { namespace: "", name: event.object.metadata.name };
    if (!isTurn(event)) return [self];
    const minded = rivals.mindedBy(event.object).map(({ metadata }) => metadata.name);
    return [self, ...minded.map((name): Enqueue => ({ namespace: "", name }))];
  };

/** It came, goes, or some of its nodes have ended: other jobs may mind. */
function isTurn(event: ObjectEvent<StoredJob>): boolean {
  if (event.type !== "update") return true;
  const { old, object } = event;
  return isLeaving(old) !== isLeaving(object) || endsOf(old) !== endsOf(object);
}

const endsOf = ({ status, isEnded }: StoredJob): string => {
  const { done, failed, total } = status?.summary ?? {};
  return [done, failed, total, isEnded].join();
};

/** The job that was told of, once more of it has come. */
export const jobOfReport =
  ({ adapter }: Watched, settleMs: number): EventHandler<StoredReport> =>
  (event) => {
    const { jobKind, jobName } = event.object.report;
    if (event.type === "delete" || jobKind !== adapter.kind) return [];
    return [{ namespace: "", name: jobName, afterMs: settleMs }];
  };
