// SPDX-License-Identifier: Apache-2.0
import { FIRST_STEP, nextStep } from "@longshore/crds/tasks";
import type { StepContext, StepOutcome } from "../../src/jobs/port.ts";
import { createUpgradeRunner } from "../../src/jobs/upgrade/index.ts";
import { judge } from "../../src/launcher/decide.ts";
import { prepareStart, store } from "../../src/launcher/prepare.ts";
import {
  fillSlot,
  folderFault,
  makeFolders,
  pointTo,
  programOf,
  readManifest,
  readTrial,
  sealFolder,
  slotFolder,
  startHealthGate,
  type Slot,
  type Trial,
  type UndoParts,
} from "../../src/trial/index.ts";
import type { ModelDisk } from "../trial/model-disk.ts";

/** How the new agent is, in a word that stands in its program. */
export type Nature = "good" | "exits" | "hangs" | "good at its second start" | "migrates and exits";

export const AGENT_DIR = "/var/lib/longshore/agent";
export const BACKUP_DIR = "/etc/kubeedge/backup";
export const STORE = "/var/lib/kubeedge/agent.db";
const CONFIG = "/etc/kubeedge/config/edgecore.yaml";

/** The store of a machine: what an agent's SQLite file says. */
interface Stored {
  readonly schema: number;
  readonly step: string;
  readonly notes: unknown;
  readonly ended: readonly { readonly step: string; readonly outcome: StepOutcome }[];
}

export const readStore = (disk: ModelDisk): Stored => JSON.parse(disk.text(STORE)) as Stored;
const writeStore = (disk: ModelDisk, next: Stored): void => disk.commit(STORE, JSON.stringify(next));

const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
function quiet(): void {
  // what is logged is of no interest here
}

/** A machine with an agent of version v1.0.0, which took the place of v0.9.0, ordered to become v2.0.0. */
export async function install(disk: ModelDisk): Promise<void> {
  for (const path of [AGENT_DIR, "/var/lib/kubeedge", "/etc/kubeedge/config"]) makeFolders(disk, path);
  for (const [slot, version, program] of [
    ["a", "v1.0.0", "old, whole"],
    ["b", "v0.9.0", "older, whole"],
  ] as const) {
    const folder = `${AGENT_DIR}/${version}`;
    makeFolders(disk, folder);
    disk.writeFile(`${folder}/edge-agent.js`, Buffer.from(program), 0o644);
    await sealFolder(disk, folder, { version, digest: "" });
    fillSlot(disk, AGENT_DIR, slot, folder);
  }
  pointTo(disk, AGENT_DIR, "a");
  disk.commit(CONFIG, "kind: EdgeCore");
  writeStore(disk, { schema: 1, step: FIRST_STEP, notes: {}, ended: [] });
}

const partsOf = (disk: ModelDisk): UndoParts => ({
  disk,
  agentDir: AGENT_DIR,
  schemaOf: () => readStore(disk).schema,
});

/** Nothing on this machine can be started: what must never be. */
export class Bricked extends Error {}

const MAX_BOOTS = 40;

/**
 * Runs the machine until the job has ended. Throws PowerCut where the disk does.
 *
 * @throws {Bricked} an agent was started that is not whole, or that cannot read the store and is not taken back
 */
export async function runMachine(disk: ModelDisk, nature: Nature): Promise<void> {
  for (let boot = 0; boot < MAX_BOOTS; boot++) {
    const { slot, trial } = prepareStart(partsOf(disk), quiet);
    if (slot === undefined) throw new Bricked("no slot holds an agent");
    const program = await programIn(disk, slot);
    if (trial === undefined) {
      if (program.startsWith("old") && readStore(disk).schema > 1) throw new Bricked("the store is too new");
      if ((await work(disk, nature)) === "ended") return;
    } else if (await onTrial(disk, program, trial, nature)) return;
  }
  throw new Bricked(`no end after ${MAX_BOOTS} starts`);
}

async function programIn(disk: ModelDisk, slot: Slot): Promise<string> {
  const manifest = readManifest(disk, slotFolder(AGENT_DIR, slot));
  const fault = manifest && (await folderFault(disk, slotFolder(AGENT_DIR, slot), manifest));
  if (manifest === undefined || fault !== undefined) throw new Bricked(`slot ${slot}: ${fault ?? "empty"}`);
  return disk.text(programOf(AGENT_DIR, slot));
}

/** @returns whether the job has ended */
async function onTrial(disk: ModelDisk, program: string, trial: Trial, nature: Nature): Promise<boolean> {
  if (nature === "migrates and exits" && program.startsWith("new"))
    writeStore(disk, { ...readStore(disk), schema: 2 });
  const isWell =
    program.startsWith("old") ||
    nature === "good" ||
    (nature === "good at its second start" && trial.starts > 1);
  if (isWell) {
    startHealthGate({ ...wellOn(disk), options: { steadyMs: 0 } });
    return (await work(disk, nature)) === "ended";
  }
  await work(disk, nature, AbortSignal.abort());
  const last = readTrial(disk, AGENT_DIR) ?? trial;
  const end =
    nature === "hangs" ? ({ by: "time" } as const) : ({ by: "itself", code: 1, signal: null } as const);
  store(partsOf(disk), judge(last, end, "cannot be"), () => disk.step());
  return false;
}

/** Parts of an agent that is well at once: who waits has lost the power. */
const wellOn = (disk: ModelDisk) => ({
  disk,
  agentDir: AGENT_DIR,
  isStoreOpen: () => true,
  isConnected: () => true,
  isRuntimeHealthy: () => true,
  clock: {
    nowMs: () => 0,
    monotonicMs: () => 0,
    schedule: (): never => {
      disk.step();
      throw new Error("there is nothing to wait for");
    },
  },
  log,
});

/** What the agent does with its orders: goes on at the step that is stored. */
async function work(
  disk: ModelDisk,
  nature: Nature,
  signal: AbortSignal = new AbortController().signal,
): Promise<"ended" | "restart"> {
  const runner = createUpgradeRunner({
    ...wellOn(disk),
    backupDir: BACKUP_DIR,
    configFile: CONFIG,
    store: { file: STORE, schema: 1, backup: (to) => disk.writeFile(to, disk.readFile(STORE), 0o600) },
    artefacts: {
      fetch: ({ into }) => {
        disk.writeFile(`${into}/edge-agent.js`, Buffer.from(`new, ${nature}`), 0o644);
        disk.makeFolder(`${into}/edge-agent.parts`, 0o755);
        disk.writeFile(`${into}/edge-agent.parts/a.js`, Buffer.from("part"), 0o644);
        return Promise.resolve({ digest: "sha256:2" });
      },
    },
  });
  const context: StepContext = {
    order: { kind: "NodeUpgradeJob", name: "job", uid: "uid", attempt: 1, spec: SPEC },
    signal,
    note: () => readStore(disk).notes,
    keep: (notes) => {
      writeStore(disk, { ...readStore(disk), notes });
      return Promise.resolve();
    },
    progress: quiet,
  };
  for (let { step } = readStore(disk); step !== "";) {
    const outcome = await runner.run(step, context);
    disk.step(); // a cut that the runner took for a failed disk
    if (!("ok" in outcome)) return "restart";
    const next = !outcome.ok && outcome.unchanged ? "" : (nextStep("NodeUpgradeJob", step, outcome.ok) ?? "");
    const before = readStore(disk);
    writeStore(disk, { ...before, step: next, ended: [...before.ended, { step, outcome }] });
    step = next;
  }
  return "ended";
}

const SPEC = { version: "v2.0.0", image: "registry.example/agent", nodeNames: ["n"] };
