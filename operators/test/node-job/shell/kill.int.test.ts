// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { failedAt, wellDone, type Told } from "./bench.ts";
import type { Cut } from "./kill/life.ts";
import { startRig, type Place, type Rig } from "./kill/rig.ts";
import { TIMEOUT_MS, type Played, type Scenario } from "./kill/world.ts";

/** So few only that each name of a call is cut in both ways; 500 are all calls of all lives, and some minutes. */
const CUTS = Number(process.env["LONGSHORE_CUTS"] ?? 40);
const PAIRS = Math.ceil(CUTS / 8);
const SINGLES = CUTS - 2 * PAIRS;
/** Worlds at the same time. */
const PLACES = 6;

const checked: Told = { actions: [["Check", true]] };
const well: readonly Told[] = [checked, wellDone("NodeUpgradeJob")];
const badly: readonly Told[] = [failedAt("Check", "disk is full")];
const isBad = (node: string): boolean => node.endsWith("-bad");

const SCENARIOS: readonly Scenario[] = [
  {
    name: "a job with a node that is offline at first, and one that fails",
    work: ({ node }) => (isBad(node) ? badly : well),
    effects: ["one good 1", "one bad 1", "one late 1"],
    async play(world) {
      await world.addNodes(["good", "bad"]);
      await world.addNodes(["late"], "Unknown");
      await world.connect("good", "bad");
      await world.create("one", ["good", "bad", "late"]);
      await world.until("a node has begun", () => world.phases("one").includes("InProgress"));
      await world.connect("late");
      const ended = "Completed good=Successful bad=Failure late=Successful";
      await world.until(ended, () => world.phases("one") === ended);
    },
  },
  {
    name: "a job that is deleted while nodes are at work",
    work: () => [checked],
    effects: ["one good 1", "one bad 1"],
    mayLack: true,
    async play(world) {
      await world.addNodes(["good", "bad"]);
      await world.addNodes(["late"], "Unknown");
      await world.connect("good", "bad");
      await world.create("one", ["good", "bad", "late"], { finalizers: kinds.NodeUpgradeJob.finalizers });
      const isAtWork = (): boolean => world.task("one", "good")?.actionFlow !== undefined;
      await world.until("a node has told of a step", isAtWork);
      await world.delete("one");
      await world.until("the job is gone", () => world.isDeleted("one"));
    },
  },
  {
    name: "a job with a node whose order never arrives, and one that tries again",
    work: ({ node, attempt }) => (isBad(node) && attempt === 1 ? badly : well),
    effects: ["one good 1", "one bad 1", "one away 1", "one bad 2"],
    async play(world) {
      await world.addNodes(["good", "bad", "away"]);
      await world.connect("good", "bad");
      await world.create("one", ["good", "bad", "away"]);
      const waits = "InProgress good=Successful bad=Failure away=InProgress";
      await world.until(waits, () => world.phases("one") === waits && world.wasOrdered("away"));
      world.clock.advance(TIMEOUT_MS);
      const isBack = (): boolean => world.task("one", "away")?.reason?.includes("not reached") === true;
      await world.until(
        "it was taken back",
        () =>
          world.statuses("one").some((status) => world.task("one", "away", status)?.reason !== undefined) ||
          isBack(),
      );
      await world.connect("away");
      const ended = "Completed good=Successful bad=Failure away=Successful";
      await world.until(ended, () => world.phases("one") === ended);
      await world.retry("one", 2);
      const again = "Completed good=Successful bad=Successful away=Successful";
      await world.until(again, () => world.phases("one") === again);
    },
  },
  {
    name: "a job that waits for a node while a later one is carried out",
    work: ({ node }) => (isBad(node) ? badly : well),
    effects: ["one good 1", "one bad 1", "two good 1", "one late 1"],
    async play(world) {
      await world.addNodes(["good", "bad"]);
      await world.addNodes(["late"], "Unknown");
      await world.connect("good", "bad");
      await world.create("one", ["good", "bad", "late"]);
      const waits = "InProgress good=Successful bad=Failure late=Pending";
      await world.until(waits, () => world.phases("one") === waits);
      await world.create("two", ["good"]);
      const done = "Completed good=Successful";
      await world.until(done, () => world.phases("two") === done);
      await world.connect("late");
      const ended = "Completed good=Successful bad=Failure late=Successful";
      await world.until(ended, () => world.phases("one") === ended);
    },
  },
];

interface Run {
  readonly scenario: Scenario;
  readonly cuts: readonly Cut[];
}

let rig: Rig;
let places: readonly Place[] = [];
beforeAll(async () => {
  rig = await startRig();
  places = await Promise.all(Array.from({ length: PLACES }, () => rig.open()));
}, 120_000);
afterAll(async () => {
  await Promise.all(places.map((place) => place.stop()));
  await rig.stop();
});

/** Several at the same time. */
async function playAll(runs: readonly Run[]): Promise<Played[]> {
  const rest = runs.entries();
  const played: Played[] = [];
  const faults: string[] = [];
  const work = async (place: Place): Promise<void> => {
    for (const [at, { scenario, cuts }] of rest)
      await place.run(scenario, cuts).then(
        (one) => (played[at] = one),
        (error: unknown) => faults.push(String(error)),
      );
  };
  await Promise.all(places.map(work));
  expect(faults).toEqual([]);
  return played;
}

/** Every call of every life, cut in both ways; the first of each name come first. */
function singles(lives: readonly Played[]): Run[] {
  const found = SCENARIOS.flatMap((scenario, at) => {
    const counts = new Map<string, number>();
    return (lives[at]?.calls ?? []).flatMap((call) => {
      const nth = (counts.get(call) ?? 0) + 1;
      counts.set(call, nth);
      return [false, true].map((happens) => ({ scenario, cut: { nth, call, happens } }));
    });
  });
  const seen = new Map<string, number>();
  const ranked = found.map(({ scenario, cut }) => {
    const name = `${cut.call} ${cut.happens}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return { rank: seen.get(name) ?? 0, run: { scenario, cuts: [cut] } };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ run }) => run);
}

/** Two managers of one life are cut, anywhere. */
function pairs(lives: readonly Played[], count: number): Run[] {
  const random = numbersFrom(count);
  const cut = (calls: number): Cut => ({ nth: 1 + Math.floor(random() * calls), happens: random() < 0.5 });
  return Array.from({ length: count }, (_, at) => {
    const which = at % SCENARIOS.length;
    const calls = lives[which]?.calls.length ?? 0;
    return { scenario: SCENARIOS[which] as Scenario, cuts: [cut(calls), cut(calls)] };
  });
}

/** Look random, and are the same each time. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Not in every life: it tells how often something happened, or the watch of Nodes was behind. */
const isByChance = (call: string): boolean => call === "patch events" || call === "get nodes";

const cutsOf = (played: readonly Played[]): readonly string[] => played.flatMap(({ cuts }) => cuts);

describe("controllers of fleet jobs that are killed", () => {
  let lives: readonly Played[] = [];
  let cuts = 0;

  it("carry every job out when none is", async () => {
    lives = await playAll(SCENARIOS.map((scenario) => ({ scenario, cuts: [] })));
  }, 60_000);

  it(`E2 order each node once, whichever call to the API server or Redis is cut, of ${SINGLES} (LONGSHORE_CUTS=${CUTS})`, async () => {
    const runs = singles(lives).slice(0, SINGLES);
    const cut = cutsOf(await playAll(runs));
    cuts += cut.length;
    const names = new Set(lives.flatMap(({ calls }) => calls));
    const missed = [...names].filter((name) => !cut.includes(name) && !isByChance(name));
    if (runs.length >= 2 * names.size) expect(missed).toEqual([]);
  }, 1_800_000);

  it(`E2 order each node once when two managers are cut, ${PAIRS} times at random calls`, async () => {
    const played = await playAll(pairs(lives, PAIRS));
    cuts += cutsOf(played).length;
    expect(cuts).toBeGreaterThanOrEqual(CUTS / 2);
  }, 1_800_000);
});
