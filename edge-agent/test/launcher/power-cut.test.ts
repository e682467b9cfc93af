// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { pointedSlot, programOf, readTrial } from "../../src/trial/index.ts";
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

async function installed(): Promise<ModelDisk> {
  const disk = new ModelDisk();
  await install(disk);
  return disk.afterCut({ names: "all", bytes: "all" });
}

/** @returns the disk as a cut at this step left it; undefined: the job had ended before */
async function cutAt(
  disk: ModelDisk,
  nature: Nature,
  step: number,
  survival: Survival,
): Promise<ModelDisk | undefined> {
  disk.steps = 0;
  disk.cutAt = step;
  try {
    await runMachine(disk, nature);
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return disk.afterCut(survival);
  }
  return undefined;
}

async function expectOneEnd(disk: ModelDisk, nature: Nature): Promise<void> {
  disk.cutAt = Infinity;
  await runMachine(disk, nature);
  const isNew = BECOMES_NEW[nature];
  const slot = pointedSlot(disk, AGENT_DIR) ?? "a";
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
  let cases = 0;

  it.each(NATURES)(
    "R35 a cut at each step, new agent is %s: an agent runs, and the job has one end",
    async (nature) => {
      for (const survival of SURVIVALS) {
        for (let step = 0; ; step++) {
          const left = await cutAt(await installed(), nature, step, survival);
          if (left === undefined) break;
          await expectOneEnd(left, nature);
          cases++;
        }
      }
    },
  );

  it("R35 those were at least a thousand", () => {
    expect(cases).toBeGreaterThan(1_000);
  });
});
