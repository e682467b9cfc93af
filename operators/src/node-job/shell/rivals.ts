// SPDX-License-Identifier: Apache-2.0
import type { Client, Informer, Resource } from "../../runtime/index.ts";
import type { Job, Rival, TaskPhase } from "../port.ts";
import { isLater } from "../supersede.ts";
import type { JobAdapter } from "./adapter.ts";
import type { StoredJob } from "./stored-job.ts";
import { tasksByNode } from "./tasks-by-node.ts";

type Phases = ReadonlyMap<string, { readonly phase: TaskPhase }>;

export interface RivalsDeps {
  readonly adapter: JobAdapter;
  readonly jobs: Pick<Informer<StoredJob>, "list">;
  readonly client: Pick<Client, "get">;
}

/** Other jobs of the kind that may want the same nodes. */
export interface Rivals {
  of(stored: StoredJob, signal: AbortSignal): Promise<readonly Rival[]>;
  /** Jobs that may have waited for this one, or that it makes needless. */
  mindedBy(stored: StoredJob): readonly StoredJob[];
}

/** Ended jobs whose nodes are remembered; each may have ten thousand. */
const MAX_REMEMBERED = 16;

export function createRivals(deps: RivalsDeps): Rivals {
  const { adapter, jobs } = deps;
  const ended = createEndedPhases(deps);
  const supersedes = (later: Job, earlier: Job): boolean =>
    isLater(later, earlier) && adapter.supersedes?.(later, earlier) === true;

  const rivalOf = async (stored: StoredJob, other: StoredJob, signal: AbortSignal): Promise<Rival> => {
    const known = other.isEnded ? await ended.of(other, signal) : tasksByNode(other);
    const { name, sequence } = other.job;
    return {
      ...{ name, sequence, isEnded: other.isEnded },
      supersedes: supersedes(other.job, stored.job),
      phaseOf: (node) => known.get(node)?.phase,
    };
  };
  return {
    async of(stored, signal) {
      if (adapter.supersedes === undefined) return [];
      const others = jobs.list().filter((other) => {
        if (other.metadata.uid === stored.metadata.uid || isLeaving(other)) return false;
        return !other.isEnded || supersedes(other.job, stored.job);
      });
      return Promise.all(others.map((other) => rivalOf(stored, other, signal)));
    },
    mindedBy: ({ metadata: { uid } }) =>
      adapter.supersedes === undefined
        ? []
        : jobs.list().filter((other) => other.metadata.uid !== uid && !other.isEnded && !isLeaving(other)),
  };
}

export const isLeaving = ({ metadata }: StoredJob): boolean => metadata.deletionTimestamp !== undefined;

/** Reads what is not kept of ended jobs, once a version. */
function createEndedPhases({ adapter, client }: RivalsDeps): {
  of(stored: StoredJob, signal: AbortSignal): Promise<Phases>;
} {
  const resource: Resource = adapter.resource;
  const known = new Map<string, Phases>();
  return {
    async of({ metadata: { name, uid, resourceVersion } }, signal) {
      const key = `${uid} ${resourceVersion}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      // From the API server's own cache, which is no older than what is asked for.
      const options = { resourceVersion, signal };
      const { status } = await client.get<StoredJob>(resource, { name }, options);
      // The whole tasks are long.
      const read = new Map(status?.nodeStatus?.map(({ nodeName, phase }) => [nodeName, { phase }]));
      known.set(key, read);
      const oldest = known.size > MAX_REMEMBERED ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      return read;
    },
  };
}
