// SPDX-License-Identifier: Apache-2.0
import { kinds, type KindName } from "@longshore/crds/kinds";
import {
  createClient,
  createManager,
  loadKubeConfig,
  silentLog,
  type KubeObject,
} from "@longshore/operators/runtime";
import { Registry } from "prom-client";
import type { Condition, Meta } from "../cluster/objects.ts";
import type { Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

export type JobKindName = Extract<KindName, "NodeUpgradeJob" | "ImagePrePullJob" | "ConfigUpdateJob">;

/** One entry of `status.nodeStatus`. */
export interface NodeTask {
  readonly nodeName: string;
  readonly phase: "Pending" | "InProgress" | "Successful" | "Failure" | "Unknown";
  readonly reason?: string;
  readonly attempt?: number;
  readonly currentVersion?: string;
  readonly historicVersion?: string;
  readonly supersededBy?: string;
  readonly log?: string;
  readonly actionFlow?: readonly {
    readonly action: string;
    readonly status: string;
    readonly reason?: string;
  }[];
  readonly imageStatus?: readonly {
    readonly image: string;
    readonly status: string;
    readonly reason?: string;
  }[];
}

export interface JobObject {
  readonly metadata: Meta;
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly nodeStatus?: readonly NodeTask[];
    readonly conditions?: readonly Condition[];
    readonly summary?: Readonly<Record<string, number>>;
  };
}

/** A job, as JSON for kubectl. */
export const job = (kind: JobKindName, name: string, spec: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ apiVersion: "operations.kubeedge.io/v1alpha2", kind, metadata: { name }, spec });

/** `Check: True, Upgrade: False` */
export const flowOf = (task: NodeTask | undefined): string =>
  (task?.actionFlow ?? []).map(({ action, status }) => `${action}: ${status}`).join(", ");

export const getJob = (env: Environment, kind: JobKindName, name: string): Promise<JobObject> =>
  env.kubectl.json<JobObject>("get", kinds[kind].plural, name);

/** The task of one node once it has ended; of any phase when one is given. */
export const taskOf = (
  env: Environment,
  { kind, name, node }: { readonly kind: JobKindName; readonly name: string; readonly node: string },
  { phase, timeoutMs }: { readonly phase: NodeTask["phase"]; readonly timeoutMs: number },
): Promise<NodeTask> =>
  eventually(
    async () => {
      const { status } = await getJob(env, kind, name);
      const task = status?.nodeStatus?.find(({ nodeName }) => nodeName === node);
      if (task?.phase !== phase)
        throw new Error(`${node} is ${task?.phase ?? "not there"}, ${flowOf(task)}: ${task?.reason ?? ""}`);
      return task;
    },
    { timeoutMs, intervalMs: 300 },
  );

/** Every status that jobs of a kind ever had, from now on. */
export interface JobHistory {
  of(name: string): readonly NonNullable<JobObject["status"]>[];
  stop(): Promise<void>;
}

export async function recordJobs(env: Environment, kind: JobKindName): Promise<JobHistory> {
  const kubeConfig = loadKubeConfig(env.layout.kubeconfig);
  const client = createClient({ kubeConfig, userAgent: "longshore-job-history" });
  const manager = createManager({ client, registry: new Registry(), log: silentLog, gracefulStopMs: 1000 });
  const statuses = new Map<string, NonNullable<JobObject["status"]>[]>();
  const informer = manager.cache.informer<KubeObject & JobObject>(kinds[kind]);
  informer.addHandler(({ object }) => {
    const { metadata, status } = object;
    const known = statuses.get(metadata.name) ?? [];
    statuses.set(metadata.name, status === undefined ? known : [...known, status]);
  });
  const over = new AbortController();
  const running = manager.start(over.signal);
  await Promise.race([informer.synced(), running]);
  return {
    of: (name) => statuses.get(name) ?? [],
    async stop() {
      over.abort();
      await running;
      await client.close();
    },
  };
}

/** The most nodes that were at work at a time. */
export const mostAtWork = (statuses: readonly NonNullable<JobObject["status"]>[]): number =>
  Math.max(
    0,
    ...statuses.map(({ nodeStatus = [] }) => nodeStatus.filter(({ phase }) => phase === "InProgress").length),
  );

/** How often a node was set to work, by the history of its job. */
export const startsOf = (statuses: readonly NonNullable<JobObject["status"]>[], node: string): number => {
  const phases = statuses.map(
    ({ nodeStatus = [] }) => nodeStatus.find(({ nodeName }) => nodeName === node)?.phase,
  );
  return phases.filter((phase, i) => phase === "InProgress" && phases[i - 1] !== "InProgress").length;
};
