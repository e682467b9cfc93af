// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { build } from "esbuild";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pointedSlot, pointTo, readTrial, systemDisk, writeTrial, type Slot } from "../../src/trial/index.ts";

/** What stands at the head of every agent here: who it is, and how it says that it is well. */
const HEAD = `
import { readFileSync, writeFileSync, renameSync, existsSync } from "node:fs";
const dir = process.argv[process.argv.indexOf("--agent-dir") + 1];
const put = (name, text) => { writeFileSync(dir + "/" + name + process.pid, text); renameSync(dir + "/" + name + process.pid, dir + "/" + name); };
const confirm = () => {
  if (!existsSync(dir + "/trial.json")) return;
  const trial = JSON.parse(readFileSync(dir + "/trial.json", "utf8"));
  if (trial.state === "trying") put("trial.json", JSON.stringify({ ...trial, state: "confirmed" }));
};
const live = (name) => { put("running", name + " " + process.pid); setInterval(() => {}, 1000); };
`;
const AGENTS = {
  old: `live("old");`,
  good: `setTimeout(confirm, 30); live("good");`,
  exits: `console.error("cannot be " + process.pid); put("running", "exits " + process.pid); process.exit(1);`,
  hangs: `process.on("SIGTERM", () => {}); live("hangs");`,
  second: `const n = existsSync(dir + "/n") ? 2 : 1; put("n", ""); if (n === 1) process.exit(3); setTimeout(confirm, 30); live("second");`,
};
type Agent = keyof typeof AGENTS;

let root = "";
let program = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "launcher-"));
  program = join(root, "launcher.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "../../src/launcher/main.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    minify: true,
  });
});

afterAll(() => {
  for (const machine of machines) machine.off();
  rmSync(root, { recursive: true, force: true });
});

/** A machine whose service manager starts the launcher again whenever it ends. */
interface Machine {
  readonly dir: string;
  /** Of launcher, agent or both. */
  kill(what: readonly ("launcher" | "agent")[]): void;
  /** Which agent runs, and below the launcher or in its place. */
  running(): { readonly name: string; readonly isMain: boolean } | undefined;
  output(): string;
  launcher(): ChildProcess;
  off(): void;
}
const machines: Machine[] = [];

let count = 0;

function install(agent: Agent, trial: { healthTimeoutMs: number; maxStarts: number }): string {
  const dir = join(root, `m${count++}`);
  const put = (slot: Slot, name: Agent): void => {
    mkdirSync(join(dir, "slots", slot), { recursive: true });
    writeFileSync(join(dir, "slots", slot, "edge-agent.js"), HEAD + AGENTS[name]);
    writeFileSync(join(dir, "slots", slot, "package.json"), '{"type":"module"}');
    writeFileSync(join(dir, "slots", slot, "manifest.json"), `{"version":"v1-${name}","digest":""}`);
  };
  put("a", "old");
  put("b", agent);
  pointTo(systemDisk, dir, "a");
  writeTrial(systemDisk, dir, {
    id: "uid/1",
    state: "prepared",
    starts: 0,
    undo: [{ do: "slot", slot: "a" }],
    ...trial,
  });
  pointTo(systemDisk, dir, "b");
  return dir;
}

const FAST = ["--poll-ms", "20", "--restart-ms", "10", "--restart-max-ms", "20", "--grace-ms", "200"];

function powerOn(dir: string, more: readonly string[] = []): Machine {
  let isOn = true;
  let text = "";
  let child: ChildProcess;
  const start = (): void => {
    child = spawn(process.execPath, [program, "--agent-dir", dir, ...FAST, ...more], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {},
    });
    const take = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    child.once("exit", () => {
      if (isOn) start();
    });
  };
  const agentPid = (): number | undefined => Number(readRunning(dir)?.split(" ")[1]) || undefined;
  const kill = (what: readonly ("launcher" | "agent")[]): void => {
    const agent = agentPid();
    if (what.includes("launcher")) child.kill("SIGKILL");
    if (what.includes("agent") && agent !== undefined) killQuietly(agent);
  };
  const running = (): ReturnType<Machine["running"]> => {
    const pid = agentPid();
    if (pid === undefined || !isAlive(pid)) return undefined;
    return { name: readRunning(dir)?.split(" ")[0] ?? "", isMain: pid === child.pid };
  };
  start();
  const off = (): void => {
    isOn = false;
    kill(["launcher", "agent"]);
  };
  const machine = { dir, kill, running, output: () => text, launcher: () => child, off };
  machines.push(machine);
  return machine;
}

function readRunning(dir: string): string | undefined {
  try {
    return readFileSync(join(dir, "running"), "utf8");
  } catch {
    return undefined;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it had ended
  }
}

/** Not one that has ended and that nobody has asked about yet. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const WAIT_MS = 30_000;

async function until<T>(what: string, machine: Machine, look: () => T | undefined): Promise<T> {
  const endMs = Date.now() + WAIT_MS;
  while (Date.now() < endMs) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error(`not ${what} within ${WAIT_MS} ms: ${machine.output()}`);
}

/** Until an agent runs in the launcher's place and the trial has an outcome. */
const settled = (machine: Machine): Promise<{ state: string; name: string; slot: Slot | undefined }> =>
  until("settled", machine, () => {
    const state = readTrial(systemDisk, machine.dir)?.state ?? "none";
    const now = machine.running();
    if ((state !== "confirmed" && state !== "rolled-back") || now?.isMain !== true) return undefined;
    return { state, name: now.name, slot: pointedSlot(systemDisk, machine.dir) };
  });

const WELL = { healthTimeoutMs: 10_000, maxStarts: 50 };
const BAD = { healthTimeoutMs: 250, maxStarts: 3 };
/** It ends by itself, however long a busy machine takes to start it. */
const ENDING = { ...BAD, healthTimeoutMs: 10_000 };
const KEPT = (name: Agent) => ({ state: "confirmed", name, slot: "b" });
const TAKEN_BACK = { state: "rolled-back", name: "old", slot: "a" };

describe("launcher, with real processes", () => {
  it.each([
    { agent: "good", trial: WELL, want: KEPT("good") },
    { agent: "second", trial: { ...WELL, maxStarts: 3 }, want: KEPT("second") },
    { agent: "exits", trial: ENDING, want: TAKEN_BACK },
    { agent: "hangs", trial: BAD, want: TAKEN_BACK },
  ] as const)(
    "A31 R35 an agent that is $agent ends as $want.state, and one runs without a parent",
    async (c) => {
      const machine = powerOn(install(c.agent, c.trial));
      expect(await settled(machine)).toEqual(c.want);
      machine.off();
    },
  );

  it("A31 the trial says why it was taken back, and what the agent wrote last", async () => {
    const machine = powerOn(install("exits", ENDING));
    await settled(machine);
    const trial = readTrial(systemDisk, machine.dir);
    expect(trial?.reason).toBe("the changed agent ended with exit code 1, start 3 of 3");
    expect(trial?.log).toMatch(/^cannot be \d+\n$/);
    expect(machine.output()).toContain("cannot be");
    machine.off();
  });

  it("R35 launcher and agent killed at random moments: one runs in the end, and the trial has one outcome", async () => {
    const kinds = ["good", "exits", "hangs", "second"] as const;
    const victims = [["launcher"], ["agent"], ["launcher", "agent"]] as const;
    const one = async (round: number): Promise<void> => {
      const agent = kinds[round % kinds.length] ?? "good";
      const isWell = agent === "good" || agent === "second";
      const machine = powerOn(install(agent, isWell ? WELL : BAD));
      for (let cut = 0; cut < 3; cut++) {
        await sleep(Math.random() * 200);
        machine.kill(victims[(round + cut) % victims.length] ?? ["launcher"]);
      }
      const end = await settled(machine);
      machine.off();
      expect(end).toEqual(isWell ? KEPT(agent) : TAKEN_BACK);
    };
    for (let round = 0; round < 24; round += 4)
      await Promise.all([0, 1, 2, 3].map((offset) => one(round + offset)));
  }, 60_000);

  it("R35 an agent whose launcher was killed is ended before the next is started", async () => {
    const machine = powerOn(install("hangs", { healthTimeoutMs: 60_000, maxStarts: 9 }));
    await until("on trial", machine, () => (machine.running()?.name === "hangs" ? true : undefined));
    const first = readRunning(machine.dir)?.split(" ")[1];
    machine.kill(["launcher"]);
    await until("another", machine, () => {
      const next = readRunning(machine.dir)?.split(" ")[1];
      return next !== first && machine.running() ? true : undefined;
    });
    expect(isAlive(Number(first))).toBe(false);
    machine.off();
  });

  it("stays the parent of an agent where it is told to, and starts it again", async () => {
    const dir = install("good", WELL);
    const machine = powerOn(dir, ["--stay"]);
    const isConfirmed = (): boolean => readTrial(systemDisk, dir)?.state === "confirmed";
    await until("confirmed", machine, () => (isConfirmed() ? true : undefined));
    const launcher = machine.launcher().pid;
    const first = readRunning(dir);
    machine.kill(["agent"]);
    await until("again", machine, () => (readRunning(dir) !== first && machine.running() ? true : undefined));
    expect(machine.launcher().pid).toBe(launcher);
    machine.off();
  });

  it("hands a stop on to the agent on trial, which is then no start that counts", async () => {
    const dir = install("good", WELL);
    writeFileSync(join(dir, "slots/b/edge-agent.js"), `${HEAD} live("waits");`);
    const machine = powerOn(dir);
    await until("on trial", machine, () => (machine.running() ? true : undefined));
    const ended = new Promise((resolve) => machine.launcher().once("exit", resolve));
    const agent = Number(readRunning(dir)?.split(" ")[1]);
    machine.launcher().kill("SIGTERM");
    await ended;
    machine.off();
    expect(isAlive(agent)).toBe(false);
    expect(readTrial(systemDisk, dir)).toMatchObject({ state: "trying", starts: 0 });
  });
});
