// SPDX-License-Identifier: Apache-2.0
import { nextStep } from "@longshore/crds/tasks";
import { decide, ordersOf, type DecideInput, type Job, type JobStatus } from "../../src/node-job/index.ts";
import type { Rival, TaskAction, TaskOrder, TaskPhase, TaskReport } from "../../src/node-job/index.ts";
import { cluster, job, names, node, START_MS, stored } from "./gen.ts";

/** Numbers in [0, 1) that are the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A job as the API server has it. */
interface Stored {
  job: Job;
  status: JobStatus | undefined;
  version: number;
  readonly history: JobStatus[];
  isDeleted: boolean;
}

/** What one node has done of one job and attempt. */
interface Work {
  readonly job: string;
  readonly attempt: number;
  readonly actions: TaskAction[];
  isEnded: boolean;
}

export interface Begun {
  readonly node: string;
  readonly job: string;
  readonly attempt: number;
}

export interface Simulation {
  readonly jobs: readonly Stored[];
  /** Every task that a node began, in order */
  readonly begun: readonly Begun[];
  /** Node and attempt of a job whose order was found not to have arrived */
  readonly returned: ReadonlySet<string>;
  /** Writes that no job may make, as the other jobs are stored at that moment */
  readonly clashes: readonly string[];
  step(): void;
  /** Everything works from now on, and time goes by. */
  calm(): void;
}

const KINDS = ["NodeUpgradeJob", "ImagePrePullJob", "ConfigUpdateJob"] as const;

const EVENT_OF: Readonly<Record<string, string>> = {
  ...{ Init: "Init", Checking: "Check", BackingUp: "Backup", Upgrading: "Upgrade", Pulling: "Pull" },
};

/** Some jobs over some nodes, where everything goes wrong that may. */
export function createSimulation(seed: number): Simulation {
  const random = randomOf(seed);
  const under = (limit: number): number => Math.floor(random() * limit);
  const isLucky = (share: number): boolean => random() < share;
  const pick = <T>(items: readonly T[]): T => items[under(items.length)] as T;

  const kind = KINDS[seed % 3] ?? "NodeUpgradeJob";
  const nodeNames = names(2 + under(8));
  const facts = new Map(
    nodeNames.map((name) => [
      name,
      node(name, { isReady: isLucky(0.7), edgeVersion: pick(["v1.20.1", "v1.22.0", "v1.23.1"]) }),
    ]),
  );
  const failing = pick([0, 0.1, 0.4]);
  const dead = new Set(nodeNames.filter(() => isLucky(0.1)));
  const works = new Map<string, Work[]>(nodeNames.map((name) => [name, []]));
  const told = new Map<string, TaskReport[]>();
  const begun: Begun[] = [];
  const returned = new Set<string>();
  const clashes: string[] = [];
  const acked = new Set<string>();
  let nowMs = START_MS;
  let isCalm = false;

  const newJob = (index: number): Stored => ({
    job: job({
      ...{ kind, name: `job-${index}`, uid: `uid-${index}`, sequence: String(95 + index * 3) },
      ...{ concurrency: 1 + under(3), tolerate: pick([0, 0.1, 0.3, 1]), timeoutMs: pick([20_000, 120_000]) },
      ...{ nodeNames: nodeNames.filter((_, at) => at === 0 || isLucky(0.8)) },
      ...{ requireConfirmation: kind === "NodeUpgradeJob" && isLucky(0.3) },
      ...(kind === "ConfigUpdateJob" && { fields: pick([["a"], ["a", "b"]]) }),
    }),
    ...{ status: undefined, version: 1, history: [], isDeleted: false },
  });
  const jobs: Stored[] = [newJob(0)];
  const live = (): Stored[] => jobs.filter(({ isDeleted }) => !isDeleted);

  const supersedes = (later: Job, earlier: Job): boolean =>
    kind === "NodeUpgradeJob" ||
    (kind === "ConfigUpdateJob" && earlier.fields.every((field) => later.fields.includes(field)));
  const rivalsOf = (self: Stored): Rival[] =>
    live()
      .filter((other) => other !== self)
      .map((other) => {
        const tasks = new Map(other.status?.nodeStatus?.map(({ nodeName, phase }) => [nodeName, phase]));
        const phaseOf = (name: string): TaskPhase | undefined => tasks.get(name);
        const isEnded = other.status?.phase === "Completed" || other.status?.phase === "Failure";
        const { name, sequence } = other.job;
        return { name, sequence, phaseOf, isEnded, supersedes: supersedes(other.job, self.job) };
      });

  const reportsOf = (self: Stored): TaskReport[] =>
    nodeNames.flatMap((name) => {
      const all = told.get(`${self.job.uid}/${name}`) ?? [];
      if (all.length === 0 || (!isCalm && isLucky(0.2))) return [];
      const last = all.at(-1) as TaskReport;
      return isLucky(0.3) ? [last, pick(all)] : [isLucky(0.9) || isCalm ? last : pick(all)];
    });

  const keyOf = (self: Stored, name: string, attempt: number): string => `${self.job.uid}/${name}/${attempt}`;
  const unreachedOf = (self: Stored): Set<string> =>
    new Set(
      (self.status?.nodeStatus ?? [])
        .filter(({ nodeName, phase }) => phase === "InProgress" && facts.get(nodeName)?.isReady !== true)
        .filter(({ nodeName, attempt }) => !acked.has(keyOf(self, nodeName, attempt)))
        .map(({ nodeName }) => nodeName),
    );

  /** One look of the leader at one job: it may be a stale one, it may be cut before the write. */
  const look = (self: Stored): void => {
    const isStale = !isCalm && isLucky(0.1) && self.history.length > 1;
    const status = isStale ? self.history.at(-2) : self.status;
    const input: DecideInput = {
      ...{ job: self.job, status, reports: reportsOf(self), nodes: cluster([...facts.values()]) },
      ...{ rivals: rivalsOf(self), unreached: unreachedOf(self), nowMs },
    };
    const decision = decide(input);
    if (decision.status === status || isStale || (!isCalm && isLucky(0.1))) return; // a conflict, or the leader died
    noteReturned(self, decision.status);
    noteClashes(self, decision.status);
    self.status = stored(decision.status);
    self.version++;
    self.history.push(self.status);
    if (decision.isEnded) for (const name of nodeNames) told.delete(`${self.job.uid}/${name}`);
  };

  const noteReturned = (self: Stored, next: JobStatus): void => {
    for (const [index, task] of (next.nodeStatus ?? []).entries())
      if (task.phase === "Pending" && self.status?.nodeStatus?.[index]?.phase === "InProgress")
        returned.add(keyOf(self, task.nodeName, task.attempt));
  };

  const noteClashes = (self: Stored, next: JobStatus): void => {
    const starts = (next.nodeStatus ?? []).filter(
      ({ phase }, at) => phase === "InProgress" && self.status?.nodeStatus?.[at]?.phase !== "InProgress",
    );
    const rivals = kind === "ImagePrePullJob" ? [] : rivalsOf(self);
    for (const { nodeName, actionFlow = [] } of starts)
      for (const rival of rivals)
        if (isClash(self.job, rival, { nodeName, isNew: actionFlow.length === 0 }))
          clashes.push(`${self.job.name} begun on ${nodeName} in spite of ${rival.name}`);
  };
  const isClash = (
    of: Job,
    rival: Rival,
    { nodeName, isNew }: { nodeName: string; isNew: boolean },
  ): boolean => {
    const there = rival.phaseOf(nodeName);
    const isLater = Number(rival.sequence) > Number(of.sequence);
    return there === "InProgress" || (isNew && there !== undefined && rival.supersedes && isLater);
  };

  const deliver = (): void => {
    const nodes = cluster([...facts.values()]);
    for (const self of live()) {
      const tasks = new Map(self.status?.nodeStatus?.map((task) => [task.nodeName, task]));
      for (const order of ordersOf(kind, [...tasks.values()], nodes)) {
        const attempt = tasks.get(order.node)?.attempt ?? 0;
        if (!isReady(order.node) || isLucky(0.3)) continue;
        if (order.salt === "") take(order.node, self, attempt);
        else answer(order, self, attempt);
      }
    }
  };

  /** An edge up to 1.20 does what it is told, when it is told: once, with nothing stored. */
  const answer = ({ node: name, salt }: TaskOrder, self: Stored, attempt: number): void => {
    const key = `${keyOf(self, name, attempt)}/${salt}`;
    if (acked.has(key)) return;
    for (const each of [key, keyOf(self, name, attempt)]) acked.add(each);
    if (salt === "Init") begun.push({ node: name, job: self.job.uid, attempt });
    const event = EVENT_OF[salt];
    if (event === undefined || dead.has(name) || (!isCalm && isLucky(0.1))) return; // lost on its way
    const told = { nodeName: name, attempt, event, action: isLucky(failing) ? "Failure" : "Success" };
    hear(`${self.job.uid}/${name}`, told);
  };
  const hear = (key: string, heard: TaskReport): void => {
    told.set(key, [...(told.get(key) ?? []), heard]);
  };

  const take = (name: string, self: Stored, attempt: number): void => {
    acked.add(keyOf(self, name, attempt));
    const known = works.get(name) ?? [];
    if (dead.has(name) || known.some((work) => work.job === self.job.uid && work.attempt >= attempt)) return;
    known.push({ job: self.job.uid, attempt, actions: [], isEnded: false });
    begun.push({ node: name, job: self.job.uid, attempt });
  };

  const work = (name: string): void => {
    const todo = works.get(name)?.find(({ isEnded }) => !isEnded);
    if (todo === undefined) return;
    const last = todo.actions.at(-1);
    const action = last === undefined ? "Check" : nextStep(kind, last.action, last.status === "True");
    if (action !== undefined) todo.actions.push(outcome(action));
    todo.isEnded = todo.actions
      .slice(-1)
      .every((now) => nextStep(kind, now.action, now.status === "True") === undefined);
    tell(name, todo);
  };
  const outcome = (action: string): TaskAction => {
    const time = pick(["", new Date(nowMs).toISOString(), "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]);
    return action === "WaitingConfirmation" || !isLucky(failing)
      ? { action, status: "True", time }
      : { action, status: "False", reason: "no luck", time };
  };

  const tell = (name: string, { job: uid, attempt, actions }: Work): void => {
    hear(`${uid}/${name}`, { nodeName: name, attempt, actions: [...actions] });
  };

  /** An order that stands is answered again by a node that has done it. */
  const tellAgain = (): void => {
    for (const [name, list] of works)
      for (const known of list) if (known.actions.length > 0 && isReady(name)) tell(name, known);
  };
  const isReady = (name: string): boolean => facts.get(name)?.isReady === true;

  const moves: (() => void)[] = [
    () => {
      look(pick(jobs.filter(({ isDeleted }) => !isDeleted).length > 0 ? live() : jobs));
    },
    () => {
      for (const self of live()) look(self);
    },
    deliver,
    () => {
      for (const name of nodeNames) if (isReady(name) && isLucky(0.5)) work(name);
    },
    () => {
      const name = pick(nodeNames);
      const fact = facts.get(name);
      if (fact !== undefined) facts.set(name, { ...fact, isReady: !fact.isReady });
    },
    () => {
      nowMs += under(40_000);
    },
    tellAgain,
    () => {
      if (isLucky(0.15) && jobs.length < 3) jobs.push(newJob(jobs.length));
    },
    () => {
      const self = pick(jobs);
      if (isLucky(0.1)) self.job = { ...self.job, attempt: self.job.attempt + 1 };
    },
    () => {
      if (isLucky(0.03)) pick(jobs).isDeleted = true;
      if (isLucky(0.03)) facts.delete(pick(nodeNames));
    },
  ];

  return {
    ...{ jobs, begun, returned, clashes },
    step() {
      pick(moves)();
    },
    calm() {
      isCalm = true;
      for (const [name, fact] of facts) facts.set(name, { ...fact, isReady: true });
      dead.clear();
      deliver();
      for (let turn = 0; turn < 3; turn++) for (const name of nodeNames) work(name);
      tellAgain();
      for (const self of live()) look(self);
      nowMs += 7_000;
    },
  };
}
