// SPDX-License-Identifier: Apache-2.0
import {
  decide,
  type DecideInput,
  type Decision,
  type Job,
  type JobStatus,
} from "../../src/node-job/index.ts";
import type { NodeFact, Nodes, Rival, Task, TaskReport } from "../../src/node-job/index.ts";

export const START_MS = Date.UTC(2026, 0, 1);

export const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `n${String(index + 1).padStart(2, "0")}`);

export const job = (change: Partial<Job> = {}): Job => ({
  ...{
    kind: "NodeUpgradeJob",
    name: "job",
    uid: "uid-job",
    sequence: "100",
    attempt: 1,
  },
  ...{ concurrency: 1, timeoutMs: 300_000, tolerate: 0.1, nodeNames: names(3) },
  ...{ requireConfirmation: false, fields: [] },
  ...change,
});

export const node = (name: string, change: Partial<NodeFact> = {}): NodeFact => ({
  ...{ name, isEdge: true, isReady: true, labels: {}, edgeVersion: "v1.22.0" },
  ...change,
});

/** Nodes of a cluster; every label selector matches all that are of ours. */
export function cluster(facts: readonly NodeFact[]): Nodes {
  const byName = new Map(facts.map((fact) => [fact.name, fact]));
  return { get: (name) => byName.get(name), matching: () => facts.filter(({ isEdge }) => isEdge) };
}

export const report = (nodeName: string, ...steps: string[]): TaskReport => ({
  ...{ nodeName, attempt: 1 },
  actions: steps.map((step) => stepOf(step)),
});

/** `Check` succeeded, `!Check` failed. */
function stepOf(step: string): NonNullable<TaskReport["actions"]>[number] {
  const time = "2026-01-01T00:00:10Z";
  return step.startsWith("!")
    ? { action: step.slice(1), status: "False", reason: `${step.slice(1)} went wrong`, time }
    : { action: step, status: "True", time };
}

export const UPGRADE_STEPS = ["Check", "WaitingConfirmation", "BackUp", "Upgrade"];

/** One job in a cluster of its own, whose statuses are stored as they are decided. */
export interface Bench {
  job: Job;
  nodes: NodeFact[];
  rivals: Rival[];
  reports: TaskReport[];
  unreached: Set<string>;
  nowMs: number;
  status: JobStatus | undefined;
  readonly history: JobStatus[];
  decide(): Decision;
  /** Until nothing changes any more. */
  settle(): Decision;
  task(name: string): Task;
  phases(): string;
  condition(type: string): string | undefined;
}

export function bench(change: Partial<Job> = {}, nodes?: NodeFact[]): Bench {
  const given = job(change);
  const bench: Bench = {
    ...{ job: given, nodes: nodes ?? given.nodeNames.map((name) => node(name)), rivals: [], reports: [] },
    ...{ unreached: new Set<string>(), nowMs: START_MS, status: undefined, history: [] },
    decide() {
      const decision = decide(inputOf(bench));
      if (decision.status !== bench.status) bench.history.push(decision.status);
      bench.status = decision.status;
      return decision;
    },
    settle() {
      for (let turn = 0; turn < 50; turn++) {
        const before = bench.status;
        const decision = bench.decide();
        if (decision.status === before) return decision;
      }
      throw new Error("decides for ever");
    },
    task: (name) => {
      const found = bench.status?.nodeStatus?.find(({ nodeName }) => nodeName === name);
      if (found === undefined) throw new Error(`no task of ${name}`);
      return found;
    },
    phases: () => (bench.status?.nodeStatus ?? []).map(({ phase }) => phase).join(),
    condition: (type) => {
      const found = bench.status?.conditions?.find((condition) => condition.type === type);
      return found && `${found.status} ${found.reason}`;
    },
  };
  return bench;
}

const inputOf = ({ job, status, reports, nodes, rivals, unreached, nowMs }: Bench): DecideInput => ({
  ...{ job, status, reports, nodes: cluster(nodes), rivals, unreached, nowMs },
});

/** Statuses as the API server gives them back. */
export const stored = (status: JobStatus): JobStatus => JSON.parse(JSON.stringify(status)) as JobStatus;
