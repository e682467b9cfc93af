// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it } from "@jest/globals";
import {
  pointedSlot,
  programOf,
  readManifest,
  readTrial,
  slotFolder,
  type Trial,
} from "../../src/trial/index.ts";
import { ModelDisk, PowerCut, SURVIVALS, type Survival } from "../trial/model-disk.ts";
import { AGENT_DIR, install, readStore, runMachine, type Nature } from "./machine.ts";

const BECOMES_NEW: Readonly<Record<Nature, boolean>> = {
  good: true,
  "good at its second start": true,
  exits: false,
  hangs: false,
  "migrates and exits": false,
};
const NATURES = Object.keys(BECOMES_NEW) as Nature[];

const AS_IT_IS: Survival = { names: "all", bytes: "all" };

/** @returns the disk when the power went at this step; undefined: the job had ended before */
async function cutAt(from: ModelDisk, nature: Nature, step: number): Promise<ModelDisk | undefined> {
  const disk = from.afterCut(AS_IT_IS);
  disk.cutAt = step;
  try {
    await runMachine(disk, nature);
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return disk;
  }
  return undefined;
}

/** @param orBack so many cuts may use up the starts of an agent that is well at its second alone */
async function expectOneEnd(disk: ModelDisk, nature: Nature, orBack?: "or taken back"): Promise<void> {
  disk.cutAt = Infinity;
  await runMachine(disk, nature);
  const slot = pointedSlot(disk, AGENT_DIR) ?? "a";
  const isNew = orBack && nature === "good at its second start" ? slot === "b" : BECOMES_NEW[nature];
  expect(disk.text(programOf(AGENT_DIR, slot))).toBe(isNew ? `new, ${nature}` : "old, whole");
  const { schema, ended } = readStore(disk);
  expect(schema).toBe(1);
  const told = ended.map(
    ({ step, outcome }) => `${step} ${"ok" in outcome && outcome.ok ? "True" : "False"}`,
  );
  const begin = ["Check True", "WaitingConfirmation True", "BackUp True"];
  expect(told).toEqual([...begin, ...(isNew ? ["Upgrade True"] : ["Upgrade False", "RollBack True"])]);
  expect(readTrial(disk, AGENT_DIR)).toBeUndefined();
}

describe("power cuts in an upgrade", () => {
  const installed = new ModelDisk();
  const seen = new Set<string>();
  let cases = 0;

  beforeAll(() => install(installed));

  it.each(NATURES)(
    "R35 a cut at each step, new agent is %s: an agent runs, and the job has one end",
    async (nature) => {
      for (let step = 0; ; step++) {
        const dark = await cutAt(installed, nature, step);
        if (dark === undefined) break;
        seen.add(placeOf(dark));
        for (const survival of SURVIVALS) {
          await expectOneEnd(dark.afterCut(survival), nature);
          cases++;
        }
      }
    },
  );

  it.each(NATURES)(
    "R35 two cuts, new agent is %s: an agent runs, and the job has one end",
    async (nature) => {
      const random = seeded(7);
      for (let round = 0; round < 100; round++) {
        let disk = installed.afterCut(AS_IT_IS);
        for (let cut = 0; cut < 2; cut++) {
          const dark = await cutAt(disk, nature, Math.floor(random() * 120));
          disk = dark?.afterCut(SURVIVALS[Math.floor(random() * SURVIVALS.length)] ?? AS_IT_IS) ?? disk;
        }
        await expectOneEnd(disk, nature, "or taken back");
        cases++;
      }
    },
  );

  it("R35 those were at least two thousand, one at each named place", () => {
    expect(cases).toBeGreaterThan(2_000);
    expect([...seen].sort()).toEqual([...PLACES].sort());
  });
});

const PLACES = [
  "nothing fetched",
  "downloaded",
  "old slot freed",
  "slot written",
  "trial prepared",
  "pointer swapped",
  "first boot",
  "healthy",
  "being taken back",
  "taken back",
  "outcome stored",
] as const;

/** How far the upgrade had come. */
function placeOf(disk: ModelDisk): (typeof PLACES)[number] {
  if (readStore(disk).ended.some(({ step }) => step === "Upgrade")) return "outcome stored";
  const trial = readTrial(disk, AGENT_DIR);
  if (trial !== undefined) return placeOfTrial(trial, pointedSlot(disk, AGENT_DIR) === "b");
  const version = readManifest(disk, slotFolder(AGENT_DIR, "b"))?.version;
  if (version === "v2.0.0") return "slot written";
  if (version === undefined) return "old slot freed";
  return disk.list(`${AGENT_DIR}/staging`).length > 0 ? "downloaded" : "nothing fetched";
}

function placeOfTrial(trial: Trial, isSwapped: boolean): (typeof PLACES)[number] {
  if (trial.state === "confirmed") return "healthy";
  if (trial.state === "rolled-back") return "taken back";
  if (trial.reason !== undefined) return "being taken back";
  if (trial.state === "trying") return "first boot";
  return isSwapped ? "pointer swapped" : "trial prepared";
}

/** The same cuts each time (a linear congruential generator, with Knuth's numbers). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
