// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readTrial, removeTrial, trialPath, writeTrial, type Trial } from "../../src/trial/index.ts";
import { ModelDisk } from "./model-disk.ts";

const TRIAL: Trial = {
  id: "uid/1",
  state: "prepared",
  starts: 0,
  maxStarts: 3,
  healthTimeoutMs: 1_000,
  undo: [
    { do: "slot", slot: "a" },
    { do: "file", path: "/c", backup: "/b", sha256: "0" },
    { do: "store", path: "/s", backup: "/b", sha256: "0", schema: 1 },
  ],
  runtimeWasHealthy: true,
};

describe("file of a trial", () => {
  it("is read as it was written, durable, and is gone when it is removed", () => {
    const disk = new ModelDisk();
    expect(readTrial(disk, "/")).toBeUndefined();
    writeTrial(disk, "/", TRIAL);
    const after = disk.afterCut({ names: "none", bytes: "none" });
    expect(readTrial(after, "/")).toEqual(TRIAL);
    removeTrial(after, "/");
    removeTrial(after, "/");
    expect(readTrial(after.afterCut({ names: "none", bytes: "none" }), "/")).toBeUndefined();
  });

  it("keeps the end of a long log, and the beginning of a long reason", () => {
    const disk = new ModelDisk();
    writeTrial(disk, "/", { ...TRIAL, reason: `a${"b".repeat(5_000)}`, log: `${"b".repeat(5_000)}c` });
    const { reason = "", log = "" } = readTrial(disk, "/") ?? TRIAL;
    expect([reason.length, reason[0], log.length, log.at(-1)]).toEqual([2_048, "a", 4_096, "c"]);
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["another state", JSON.stringify({ ...TRIAL, state: "won" })],
    ["a negative count", JSON.stringify({ ...TRIAL, starts: -1 })],
    ["no end of its time", JSON.stringify({ ...TRIAL, healthTimeoutMs: 1e12 })],
    ["an undo that nobody knows", JSON.stringify({ ...TRIAL, undo: [{ do: "run", path: "/bin/sh" }] })],
    ["an undo of a prototype", JSON.stringify({ ...TRIAL, undo: [{ do: "constructor" }] })],
    ["an undo without its path", JSON.stringify({ ...TRIAL, undo: [{ do: "file", backup: "/b" }] })],
    ["undos without end", JSON.stringify({ ...TRIAL, undo: Array(17).fill(TRIAL.undo[0]) })],
  ])("is damaged with %s", (_what, text) => {
    const disk = new ModelDisk();
    disk.commit(trialPath("/"), text);
    expect(() => readTrial(disk, "/")).toThrow(expect.objectContaining({ code: "TRIAL_DAMAGED" }));
  });
});
