// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { launch } from "../../src/launcher/launcher.ts";
import { DEFAULT_LAUNCHER } from "../../src/launcher/options.ts";
import { makeFolders, pointTo, programOf, readTrial, slotFolder, writeTrial } from "../../src/trial/index.ts";
import { ModelDisk } from "../trial/model-disk.ts";

const DIR = "/agent";
const quiet = (): void => undefined;

it("R35 goes on where the disk fails behind an agent on trial: nobody would start a launcher that stays", async () => {
  const disk = new ModelDisk();
  for (const slot of ["a", "b"] as const) {
    makeFolders(disk, slotFolder(DIR, slot));
    disk.commit(programOf(DIR, slot), "agent");
    disk.commit(`${slotFolder(DIR, slot)}/manifest.json`, '{"version":"v1.0.0","digest":""}');
  }
  pointTo(disk, DIR, "b");
  const undo = [{ do: "slot", slot: "a" }] as const;
  writeTrial(disk, DIR, { id: "u/1", state: "prepared", starts: 0, maxStarts: 3, healthTimeoutMs: 1, undo });
  const stopping = new AbortController();
  const lines: string[] = [];
  let starts = 0;
  const code = await launch({
    parts: { disk, agentDir: DIR, schemaOf: () => 1 },
    become: undefined,
    start: () => {
      if (++starts === 2) stopping.abort();
      else
        disk.readFile = (path) => {
          Reflect.deleteProperty(disk, "readFile"); // the disk's own again
          throw new Error(`EIO ${path}`);
        };
      return { ended: Promise.resolve({ code: 1, signal: null }), signal: quiet, tail: () => "" };
    },
    clock: {
      nowMs: () => 0,
      monotonicMs: () => 0,
      schedule: (_delayMs, fn) => {
        setImmediate(fn);
        return quiet;
      },
    },
    log: (_level, msg) => void lines.push(msg),
    stopping: stopping.signal,
    options: DEFAULT_LAUNCHER,
  });
  expect([starts, code]).toEqual([2, 0]);
  expect(lines).toContain("the agent cannot be started now: Error: EIO /agent/trial.json");
  expect(readTrial(disk, DIR)).toMatchObject({ state: "trying" });
});
