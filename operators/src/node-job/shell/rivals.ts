// SPDX-License-Identifier: Apache-2.0
import type { Client, Informer, Resource } from "../../runtime/index.ts";
import type { Job, Rival, Task, TaskPhase } from "../port.ts";
import { isLater } from "../supersede.ts";
import type { JobAdapter } from "./adapter.ts";
import { inTurns } from "./standings.ts";
import type { StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

type Phases = ReadonlyMap<string, TaskPhase>;

export interface RivalsDeps {
  readonly adapter: JobAdapter;
  readonly jobs: Pick<Informer<StoredJob>, "list">;
  /** Jobs of the other kinds that change the agent */
  readonly neighbours: () => readonly StoredJob[];
  readonly client: Pick<Client, "get">;
}

/** Other jobs that may want the same nodes. */
export interface Rivals {
  of(stored: StoredJob, signal: AbortSignal): Promise<readonly Rival[]>;
  /** Jobs that may have waited for this one, or that it makes needless. */
  mindedBy(stored: StoredJob): readonly StoredJob[];
}

/** Nodes that are remembered of ended jobs, about 10 MB. */
const MAX_REMEMBERED = 100_000;

export function createRivals(deps: RivalsDeps): Rivals {
  const { adapter, jobs } = deps;
  const ended = createEndedPhases(deps);
  const supersedes = (later: Job, earlier: Job): boolean =>
    isLater(later, earlier) && adapter.supersedes?.(later, earlier) === true;
  const isOpen = (stored: StoredJob): boolean => !stored.isEnded && !isLeaving(stored);

  const later = async (stored: StoredJob, signal: AbortSignal): Promise<Rival[]> => {
    if (!tasksOf(stored).some(({ phase }) => phase === "Pending")) return [];
    const found = jobs
      .list()
      .filter((other) => other.isEnded && !isLeaving(other) && supersedes(other.job, stored.job));
    const known = await ended.of(found, signal);
    return found.map(({ job: { name, sequence }, metadata: { uid } }) => ({
      ...{ name, sequence, isEnded: true, supersedes: true },
      phaseOf: (node) => known.get(uid)?.get(node),
    }));
  };
  const atWork = (other: StoredJob): Rival => ({
    ...{ name: other.job.name, sequence: other.job.sequence, supersedes: false },
    phaseOf: (node) => tasksByNode(other).get(node)?.phase,
  });
  return {
    async of(stored, signal) {
      if (adapter.supersedes === undefined) return [];
      const others = jobs
        .list()
        .filter((other) => other.metadata.uid !== stored.metadata.uid && isOpen(other));
      return [
        ...others.map((other) => ({ ...atWork(other), supersedes: supersedes(other.job, stored.job) })),
        ...deps
          .neighbours()
          .filter(isOpen)
          .map((other) => ({ ...atWork(other), isOtherKind: true })),
        ...(await later(stored, signal)),
      ];
    },
    mindedBy: ({ metadata: { uid } }) =>
      adapter.supersedes === undefined
        ? []
        : jobs.list().filter((other) => other.metadata.uid !== uid && isOpen(other)),
  };
}

export const isLeaving = ({ metadata }: StoredJob): boolean => metadata.deletionTimestamp !== undefined;

const tasksOf = ({ status }: StoredJob): readonly Task[] => status?.nodeStatus ?? [];

/** Reads what is not kept of ended jobs, once a version. */
function createEndedPhases({ adapter, client }: RivalsDeps): {
  /** By uid. */
  of(jobs: readonly StoredJob[], signal: AbortSignal): Promise<ReadonlyMap<string, Phases>>;
} {
  const resource: Resource = adapter.resource;
  const remembered = new Map<string, Phases>();
  let size = 0;

  const remember = (key: string, phases: Phases): void => {
    remembered.set(key, phases);
    size += phases.size;
    for (const [oldest, { size: nodes }] of remembered) {
      if (size <= MAX_REMEMBERED) return;
      remembered.delete(oldest);
      size -= nodes;
    }
  };
  const read = async (
    { name, resourceVersion }: StoredJob["metadata"],
    signal: AbortSignal,
  ): Promise<Phases> => {
    // From the API server's own cache, which is no older than what is asked for.
    const options = { resourceVersion, signal };
    const found = await client.get<StoredJob>(resource, { name }, options);
    // The whole tasks are long.
    return new Map(tasksOf(found).map(({ nodeName, phase }) => [nodeName, phase]));
  };
  return {
    async of(jobs, signal) {
      const known = new Map<string, Phases>();
      await inTurns(jobs, async ({ metadata }) => {
        const key = `${metadata.uid} ${metadata.resourceVersion}`;
        const phases = remembered.get(key) ?? (await read(metadata, signal));
        if (!remembered.has(key)) remember(key, phases);
        known.set(metadata.uid, phases);
      });
      return known;
    },
  };
}
