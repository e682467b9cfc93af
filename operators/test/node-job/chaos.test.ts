// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Job, JobStatus, Task } from "../../src/node-job/index.ts";
import { createSimulation, type Simulation } from "./simulation.ts";

const RUNS = 600;
const STEPS = 80;
const CALM_TURNS = 120;

type Stored = Simulation["jobs"][number];
/** Two statuses of a job, one after the other. */
type Look = readonly [before: JobStatus | undefined, after: JobStatus, job: Job];

const looksAt = ({ history, job }: Stored): Look[] =>
  history.map((after, index) => [history[index - 1], after, job]);
const tasksOf = (status: JobStatus | undefined): readonly Task[] => status?.nodeStatus ?? [];
const pairsOf = ([before, after]: Look): [Task | undefined, Task][] =>
  tasksOf(after).map((task, index) => [tasksOf(before)[index], task]);
const isRetry = (look: Look): boolean =>
  pairsOf(look).some(([was, is]) => was !== undefined && was.attempt < is.attempt);

const faults: Record<string, (look: Look) => boolean> = {
  "more nodes in progress than the concurrency": ([, after, job]) =>
    tasksOf(after).filter(({ phase }) => phase === "InProgress").length > job.concurrency,
  "a node begun after the tolerance was crossed": (look) => {
    const [before, after, job] = look;
    const isCrossed = [before, after].some((status) => crosses(job, tasksOf(status)));
    return isCrossed && !isRetry(look) && pairsOf(look).some(([was, is]) => isStart(was, is));
  },
  "an ended node moved": (look) =>
    pairsOf(look).some(
      ([was, is]) => was !== undefined && isOver(was) && was.attempt === is.attempt && was.phase !== is.phase,
    ),
  "a silent node begun again without being asked to": (look) =>
    pairsOf(look).some(
      ([was, is]) =>
        was?.phase === "Unknown" && was.attempt === is.attempt && !isOver(is) && is.phase !== "Unknown",
    ),
  "an ended job went on": (look) => {
    const [before, after] = look;
    return (
      !isRetry(look) &&
      (before?.phase === "Completed" || before?.phase === "Failure") &&
      after.phase !== before.phase
    );
  },
  "a superseded node begun": (look) =>
    pairsOf(look).some(([was, is]) => was?.supersededBy !== undefined && is.phase === "InProgress"),
  "the counts do not add up": ([, { summary, nodeStatus = [] }]) => {
    if (summary === undefined) return nodeStatus.length > 0;
    const superseded = nodeStatus.filter((task) => task.supersededBy !== undefined).length;
    return summary.done + summary.failed + summary.running + summary.pending + superseded !== summary.total;
  },
};
const crosses = ({ tolerate }: Job, tasks: readonly Task[]): boolean =>
  Math.round((tasks.filter(isLost).length / tasks.length) * 100 + 1e-9) / 100 > tolerate;
const isOver = ({ phase }: Task): boolean => phase === "Successful" || phase === "Failure";
const isLost = ({ phase, supersededBy }: Task): boolean =>
  (phase === "Failure" || phase === "Unknown") && supersededBy === undefined;
const isStart = (was: Task | undefined, is: Task): boolean =>
  was?.phase !== "InProgress" && is.phase === "InProgress";

/** (job, node, attempt) that began more than once without having been found unreached. */
function twice({ jobs, returned }: Simulation): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const stored of jobs)
    for (const [was, is] of looksAt(stored).flatMap(pairsOf)) {
      if (!isStart(was, is)) continue;
      const key = `${stored.job.uid}/${is.nodeName}/${is.attempt}`;
      if (seen.has(key) && !returned.has(key)) found.push(key);
      seen.add(key);
    }
  return found;
}

/** Nodes that began an earlier upgrade after a later one. */
function backwards({ jobs, begun }: Simulation): string[] {
  if (jobs[0]?.job.kind !== "NodeUpgradeJob") return [];
  const latest = new Map<string, number>();
  return begun.flatMap(({ node, job, attempt }) => {
    const at = jobs.findIndex((stored) => stored.job.uid === job);
    const isBack = attempt === 1 && at < (latest.get(node) ?? -1);
    latest.set(node, Math.max(at, latest.get(node) ?? -1));
    return isBack ? [`${node} of ${job}`] : [];
  });
}

function check(simulation: Simulation): string[] {
  const found = simulation.jobs.flatMap((stored) =>
    looksAt(stored).flatMap((look) => Object.keys(faults).filter((name) => faults[name]?.(look) === true)),
  );
  return [...found, ...twice(simulation), ...backwards(simulation), ...simulation.clashes];
}

const unfinished = ({ jobs }: Simulation): string[] =>
  jobs
    .filter(
      ({ isDeleted, status }) => !isDeleted && status?.phase !== "Completed" && status?.phase !== "Failure",
    )
    .map(
      ({ job, status }) => `${job.name} is ${status?.phase ?? "new"}: ${JSON.stringify(status?.nodeStatus)}`,
    );

describe("fleet jobs where reports are lost, late and double, leaders die and nodes come and go", () => {
  it.each([0, 1, 2])(
    "A32 E10 keep every promise in the history of their statuses, and end once nodes answer (part %i)",
    (part) => {
      for (let seed = part; seed < RUNS; seed += 3) {
        const simulation = createSimulation(seed);
        for (let step = 0; step < STEPS; step++) simulation.step();
        for (let turn = 0; turn < CALM_TURNS && unfinished(simulation).length > 0; turn++) simulation.calm();
        expect({ seed, faults: check(simulation) }).toEqual({ seed, faults: [] });
        expect({ seed, unfinished: unfinished(simulation) }).toEqual({ seed, unfinished: [] });
      }
    },
  );
});
