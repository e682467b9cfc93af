// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { prepareStart } from "../../src/launcher/prepare.ts";
import { seedSlot } from "../../src/launcher/seed.ts";
import {
  makeFolders,
  pointedSlot,
  pointTo,
  programOf,
  readManifest,
  readTrial,
  slotFolder,
  trialPath,
  writeTrial,
  type Slot,
  type Trial,
} from "../../src/trial/index.ts";
import { ModelDisk, PowerCut, SURVIVALS } from "../trial/model-disk.ts";

const DIR = "/agent";
const TRIAL: Trial = {
  id: "uid/1",
  state: "trying",
  starts: 1,
  maxStarts: 3,
  healthTimeoutMs: 1_000,
  undo: [{ do: "slot", slot: "a" }],
};

let disk: ModelDisk;
let lines: string[];
const log = (_level: string, msg: string): void => void lines.push(msg);
const prepare = () => prepareStart({ disk, agentDir: DIR, schemaOf: () => 1 }, log);

function put(slot: Slot, program = "agent"): void {
  makeFolders(disk, slotFolder(DIR, slot));
  disk.commit(programOf(DIR, slot), program);
  disk.commit(`${slotFolder(DIR, slot)}/manifest.json`, '{"version":"v1.0.0","digest":""}');
}

beforeEach(() => {
  disk = new ModelDisk();
  lines = [];
  put("a");
  put("b");
  pointTo(disk, DIR, "b");
});

describe("before an agent is started", () => {
  it("R35 takes the other slot where the one that is pointed to holds no agent, and points there", () => {
    disk.removeFile(programOf(DIR, "b"));
    expect(prepare()).toEqual({ slot: "a" });
    expect(pointedSlot(disk, DIR)).toBe("a");
  });

  it.each(["a damaged pointer", "none"])("R35 finds an agent with %s", (what) => {
    disk.removeFile(`${DIR}/current`);
    if (what !== "none") disk.commit(`${DIR}/current`, "slots/a");
    expect(prepare().slot).toBe("a");
  });

  it("says that there is no agent at all", () => {
    for (const slot of ["a", "b"] as const) disk.removeFile(programOf(DIR, slot));
    expect(prepare()).toEqual({ slot: undefined });
  });

  it("R35 does not try the agent of before in the place of one that is gone, but says that it is back", () => {
    writeTrial(disk, DIR, TRIAL);
    disk.removeFile(programOf(DIR, "b"));
    expect(prepare()).toEqual({ slot: "a" });
    expect(readTrial(disk, DIR)).toMatchObject({
      state: "rolled-back",
      reason: "what was changed is as it was before",
    });
  });

  it("R35 puts the agent that is pointed to on trial where a trial is damaged, and comes back to the other", () => {
    disk.commit(trialPath(DIR), "{");
    for (const starts of [1, 2, 3]) expect(prepare()).toMatchObject({ slot: "b", trial: { starts } });
    expect(prepare()).toEqual({ slot: "a" });
    expect(readTrial(disk, DIR)).toMatchObject({ state: "rolled-back" });
    expect(disk.text(`${trialPath(DIR)}.damaged`)).toBe("{");
    expect(lines[0]).toBe("/agent/trial.json is damaged");
  });

  it("R35 starts what is pointed to where a damaged trial cannot be set aside", () => {
    disk.commit(trialPath(DIR), "{");
    disk.rename = () => {
      throw new Error("EROFS");
    };
    expect(prepare()).toEqual({ slot: "b" });
    expect(lines).toEqual(["/agent/trial.json is damaged", "it cannot be set aside: Error: EROFS"]);
  });

  it("starts what is pointed to where a trial is damaged and there is nothing to come back to", () => {
    disk.commit(trialPath(DIR), "{");
    disk.removeFile(programOf(DIR, "a"));
    expect([prepare(), prepare()]).toEqual([{ slot: "b" }, { slot: "b" }]);
  });

  it("counts a start on the disk before it happens", () => {
    writeTrial(disk, DIR, TRIAL);
    expect(prepare()).toMatchObject({ slot: "b", trial: { starts: 2 } });
    expect(readTrial(disk.afterCut({ names: "none", bytes: "none" }), DIR)?.starts).toBe(2);
  });

  it("starts an agent on trial also where the count cannot be stored", () => {
    writeTrial(disk, DIR, TRIAL);
    disk.writeFile = () => {
      throw new Error("ENOSPC");
    };
    expect(prepare()).toMatchObject({ slot: "b", trial: { starts: 2 } });
    expect(lines).toEqual(["the trial cannot be stored: Error: ENOSPC"]);
  });

  it("says what could not be taken back, and takes back the rest", () => {
    const file = { do: "file", path: "/config", backup: "/gone", sha256: "0" } as const;
    disk.commit("/config", "changed");
    writeTrial(disk, DIR, { ...TRIAL, undo: [file, ...TRIAL.undo], reason: "was not well" });
    expect(prepare()).toEqual({ slot: "a" });
    expect(readTrial(disk, DIR)).toMatchObject({
      state: "rolled-back",
      reason: "was not well; not taken back: backup /gone is not there",
    });
  });

  it("does not start anything where the disk fails while it takes back: the next run goes on", () => {
    writeTrial(disk, DIR, { ...TRIAL, starts: 3 });
    disk.symlink = () => {
      throw new Error("EIO");
    };
    expect(prepare).toThrow("EIO");
    Reflect.deleteProperty(disk, "symlink"); // the disk's own again
    expect(prepare()).toEqual({ slot: "a" });
  });
});

describe("seed of the first slot", () => {
  const from = "/opt/longshore";
  const empty = (): ModelDisk => {
    const fresh = new ModelDisk();
    makeFolders(fresh, `${from}/edge-agent.parts`);
    fresh.commit(`${from}/edge-agent.js`, "first");
    fresh.commit(`${from}/edge-agent.parts/a.js`, "part");
    return fresh;
  };

  it("R35 is a whole agent or none, wherever the power goes, and is made by the next start", async () => {
    let cuts = 0;
    for (let step = 0; ; step++, cuts++) {
      const dark = empty();
      dark.cutAt = dark.steps + step;
      try {
        await seedSlot(dark, DIR, from, log);
        break;
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
      }
      for (const survival of SURVIVALS) {
        const after = dark.afterCut(survival);
        await seedSlot(after, DIR, from, log);
        const parts = { disk: after, agentDir: DIR, schemaOf: () => 1 };
        expect([prepareStart(parts, log), pointedSlot(after, DIR)]).toEqual([{ slot: "a" }, "a"]);
        expect(after.text(programOf(DIR, "a"))).toBe("first");
        expect(Object.keys(readManifest(after, slotFolder(DIR, "a"))?.files ?? {}).sort()).toEqual([
          "edge-agent.js",
          "edge-agent.parts/a.js",
          "package.json",
        ]);
      }
    }
    expect(cuts).toBeGreaterThan(20);
  });

  it("is not taken where a slot holds an agent", async () => {
    await seedSlot(disk, DIR, "/nowhere", log);
    expect(disk.text(programOf(DIR, "a"))).toBe("agent");
  });
});
