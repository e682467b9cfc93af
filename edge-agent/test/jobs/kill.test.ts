// SPDX-License-Identifier: Apache-2.0
import { afterAll, describe, expect, it } from "@jest/globals";
import type { StepOutcome } from "../../src/jobs/port.ts";
import { TASK_BUCKET } from "../../src/jobs/index.ts";
import type { Task } from "../../src/jobs/task.ts";
import { put } from "../store/gen.ts";
import { Fate, live, liveUntil, order, stepsOf, World, type JobText, type Life } from "./world.ts";

interface Scenario {
  readonly name: string;
  readonly jobs: readonly JobText[];
  readonly restarting?: readonly string[];
  readonly outcomes?: readonly (readonly [string, StepOutcome])[];
  readonly confirms?: boolean;
  /** Job → its last report. */
  readonly told: Readonly<Record<string, string>>;
}

const UPGRADED = "Check=True WaitingConfirmation=True BackUp=True Upgrade=True";
const ROLLED_BACK = "Check=True WaitingConfirmation=True BackUp=True Upgrade=False RollBack=True";
const UPDATED = "Check=True BackUp=True Update=True";
const upgrade: JobText = { kind: "NodeUpgradeJob", name: "up", uid: "u-1", created: "1" };
const config: JobText = { kind: "ConfigUpdateJob", name: "conf", uid: "c-1", created: "2" };
const prePull: JobText = { kind: "ImagePrePullJob", name: "pull", uid: "p-1", created: "3" };
const failed: StepOutcome = { ok: false, reason: "not healthy", log: "exit 1" };

const SCENARIOS: readonly Scenario[] = [
  {
    name: "an upgrade that restarts the agent",
    jobs: [upgrade],
    restarting: ["Upgrade"],
    told: { up: UPGRADED },
  },
  {
    name: "an upgrade that is rolled back, with a restart each way",
    jobs: [upgrade],
    restarting: ["Upgrade", "RollBack"],
    outcomes: [["up/Upgrade", failed]],
    told: { up: ROLLED_BACK },
  },
  {
    name: "an upgrade that waits for its confirmation",
    jobs: [{ ...upgrade, spec: { requireConfirmation: true } }],
    restarting: ["Upgrade"],
    confirms: true,
    told: { up: UPGRADED },
  },
  {
    name: "all three kinds at once",
    jobs: [upgrade, config, prePull],
    restarting: ["Upgrade", "Update"],
    told: { up: UPGRADED, conf: UPDATED, pull: "Check=True Pull=True" },
  },
  {
    name: "jobs that fail at their check and in the middle",
    jobs: [upgrade, config, prePull],
    outcomes: [
      ["up/Check", { ...failed, unchanged: true }],
      ["conf/Update", failed],
      ["pull/Pull", failed],
    ],
    told: {
      up: "Check=False",
      conf: "Check=True BackUp=True Update=False RollBack=True",
      pull: "Check=True Pull=False",
    },
  },
];

const tasksOf = ({ store }: Life): Task[] => store.records.list(TASK_BUCKET).map(([, task]) => task as Task);

/** Every task has ended, and the cloud knows. */
const isDone = (life: Life, { jobs }: Scenario): boolean => {
  const tasks = tasksOf(life);
  return tasks.length === jobs.length && tasks.every((t) => t.state === "ended" && t.told === t.changes);
};

function makeWorld({ restarting = [], outcomes = [] }: Scenario): World {
  const world = new World();
  for (const step of restarting) world.restarting.add(step);
  for (const [step, outcome] of outcomes) world.outcomes.set(step, outcome);
  return world;
}

/** Lives until everything is done. @param gaps awaits until the next death, over all lives @returns deaths */
async function liveThrough(world: World, scenario: Scenario, gaps: readonly number[]): Promise<number> {
  let deaths = 0;
  let left = gaps[0] ?? Infinity;
  for (;;) {
    if (world.lives > gaps.length + 8) throw new Error("the jobs do not come to an end");
    const life = live(world, { fate: new Fate(left) });
    void life.jobs.start();
    if (world.lives === 1) await arrive(life, scenario);
    await liveUntil(life, () => {
      const isWaiting = tasksOf(life).some(({ state }) => state === "confirming");
      if (scenario.confirms && isWaiting) void life.jobs.confirmations.confirm();
      return isDone(life, scenario);
    });
    expect(life.mostAtOnce()).toBeLessThanOrEqual(1);
    await life.end();
    if (life.fate.isDead) left = gaps[++deaths] ?? Infinity;
    else if (life.hasRestarted()) left -= life.fate.passed;
    else return deaths;
  }
}

async function arrive({ store }: Life, { jobs }: Scenario): Promise<void> {
  for (const job of jobs) await store.desired.apply(put(order({ ...job, resourceVersion: "7" })));
}

/** The orders are taken back after so many turns of the event loop. */
async function liveThroughWithdrawal(
  world: World,
  scenario: Scenario,
  { withdrawAt, dieAt }: { withdrawAt: number; dieAt: number },
): Promise<number> {
  let [turn, deaths, left] = [0, 0, dieAt];
  for (;;) {
    const life = live(world, { fate: new Fate(left) });
    void life.jobs.start();
    if (world.lives === 1) await arrive(life, scenario);
    await liveUntil(life, () => {
      if (turn++ === withdrawAt) withdraw(life, scenario);
      const isOver = tasksOf(life).every((t) => t.state === "ended" && t.told === t.changes);
      return turn > withdrawAt && life.store.desired.inventory().length === 0 && isOver;
    });
    await life.end();
    left = life.fate.isDead ? Infinity : left - life.fate.passed;
    deaths += Number(life.fate.isDead);
    if (!life.fate.isDead && !life.hasRestarted()) return deaths;
  }
}

function withdraw({ store }: Life, { jobs }: Scenario): void {
  for (const job of jobs) void store.desired.apply({ op: "delete", key: order(job).key, uid: job.uid });
}

function expectOnce(world: World, scenario: Scenario, cuts: number): void {
  for (const [job, steps] of Object.entries(scenario.told)) {
    expect([job, stepsOf(world.reports.get(job))]).toEqual([job, steps]);
    const wanted = steps.split(" ").map((step) => `${job}/1/${step.split("=")[0]!}`);
    expect(world.effects.filter((effect) => effect.startsWith(`${job}/`))).toEqual(wanted);
  }
  expect(new Set(world.effects).size).toBe(world.effects.length);
  const restarts = world.runs.filter((run) => world.restarting.has(run.split("/")[2]!)).length;
  // A cut runs each step again that it cut, and nothing else is.
  expect(world.runs.length).toBeLessThanOrEqual(world.effects.length + restarts + cuts * 2);
  expectOneAfterTheOther(world);
}

/** The tasks that change the agent are not mixed, whatever cut them. */
function expectOneAfterTheOther({ effects }: World): void {
  const changing = effects.map((effect) => effect.split("/")[0]!).filter((job) => job !== "pull");
  const turns = changing.filter((job, at) => job !== changing[at - 1]);
  expect(turns).toEqual([...new Set(turns)]);
}

/** @returns which it was, of each job */
function expectAllOrNothing({ effects, reports }: World, { told }: Scenario): string[] {
  return Object.entries(told).map(([job, steps]) => {
    const did = effects.filter((effect) => effect.startsWith(`${job}/`)).length;
    expect([job, did]).toEqual([job, did === 0 ? 0 : steps.split(" ").length]);
    if (did > 0) expect(stepsOf(reports.get(job))).toBe(steps);
    return `${job} ${did === 0 ? "nothing" : "all"}`;
  });
}

let cuts = 0;

describe("a killed agent", () => {
  it.each(SCENARIOS)(
    "E2 does each step of $name once, wherever it is cut, and the cloud hears of all",
    async (scenario) => {
      for (let dieAt = 1; ; dieAt++) {
        const world = makeWorld(scenario);
        const deaths = await liveThrough(world, scenario, [dieAt]);
        expectOnce(world, scenario, deaths);
        world.end();
        if (deaths === 0) break; // it passed every await before
        cuts += deaths;
      }
    },
  );

  it("E2 does so when it is cut again and again", async () => {
    for (const scenario of SCENARIOS) {
      for (let seed = 1; seed <= 8; seed++) {
        const world = makeWorld(scenario);
        const gaps = Array.from({ length: 6 }, (_, at) => 1 + ((seed * 7 + at * 5) % 17));
        const deaths = await liveThrough(world, scenario, gaps);
        expectOnce(world, scenario, deaths);
        world.end();
        cuts += deaths;
      }
    }
  });

  it("E2 does all of a job that is withdrawn, or nothing, whenever that comes and wherever it is cut", async () => {
    const scenario = SCENARIOS[3]!;
    const fates = new Set<string>();
    for (let withdrawAt = 0; withdrawAt < 14; withdrawAt++) {
      for (const dieAt of [3, 7, 12, 20, 31]) {
        const world = makeWorld(scenario);
        cuts += await liveThroughWithdrawal(world, scenario, { withdrawAt, dieAt });
        for (const fate of expectAllOrNothing(world, scenario)) fates.add(fate);
        world.end();
      }
    }
    expect(fates).toEqual(
      new Set(["up all", "up nothing", "conf all", "conf nothing", "pull all", "pull nothing"]),
    );
  });

  afterAll(() => {
    expect(cuts).toBeGreaterThanOrEqual(300);
  });
});
