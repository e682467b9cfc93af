// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIRST_STEP, nextStep } from "@longshore/crds/tasks";
import { createConfigRunner, type ConfigDeps } from "../../../src/jobs/config/index.ts";
import { systemConfigDisk, type ConfigDisk } from "../../../src/jobs/config/disk.ts";
import type { Order, StepOutcome } from "../../../src/jobs/port.ts";
import { decideStart } from "../../../src/launcher/decide.ts";
import { isMade, performUndo, readTrial, writeTrial, type Trial } from "../../../src/trial/index.ts";
import { makeFolder } from "../folder.ts";

/** The power went. */
export class Cut extends Error {}

export const CONFIG = `# node
modules:
  edgeHub:
    heartbeat: 15 # seconds
    token: "secret-of-the-node"
  edgeStream:
    enable: false
`;

const CHANGING = ["writeFile", "rename", "sync", "removeFile", "makeFolder", "chown"] as const;

/** As the engine takes it. */
function failureOf(error: unknown): StepOutcome {
  if (error instanceof Cut) throw error;
  return { ok: false, reason: (error as Error).message };
}

/** One machine: its disk, what its agent's store holds, a launcher, and power that may be cut before any effect. */
export class Machine {
  readonly dir = makeFolder("ls-config-");
  readonly file = join(this.dir, "edgecore.yaml");
  readonly agentDir = join(this.dir, "agent");
  readonly outcomes: [step: string, ok: boolean, reason: string][] = [];
  starts = 0;
  effects = 0;
  cutAt = Infinity;
  isWell = true;
  isRuntimeHealthy = true;
  step: string | undefined = FIRST_STEP;
  /** A life ends before this step. */
  stopBefore: string | undefined;
  note: unknown;
  /** What somebody does while a step's note is being stored. */
  meanwhile: (() => void) | undefined;
  #isOff = false;

  constructor(text = CONFIG) {
    writeFileSync(this.file, text);
    chmodSync(this.file, 0o640);
    systemConfigDisk.makeFolder(this.agentDir, 0o700);
  }

  /** A cut before the nth effect, which never happens twice; nothing has an effect until the next start. */
  #effect(): void {
    if (this.#isOff || ++this.effects === this.cutAt) {
      this.#isOff = true;
      throw new Cut("cut");
    }
  }

  disk(): ConfigDisk {
    const cut = Object.fromEntries(
      CHANGING.map((name) => [
        name,
        (...args: unknown[]) => {
          this.#effect();
          const effect: unknown = systemConfigDisk[name as keyof ConfigDisk].bind(systemConfigDisk);
          (effect as (...given: unknown[]) => void)(...args);
        },
      ]),
    ) as Pick<ConfigDisk, (typeof CHANGING)[number]>;
    return { ...systemConfigDisk, ...cut };
  }

  text = (): string => readFileSync(this.file, "utf8");
  mode = (): number => statSync(this.file).mode & 0o777;
  trial = (): Trial | undefined => readTrial(systemConfigDisk, this.agentDir);
  remove = (): void => rmSync(this.dir, { recursive: true });

  /** What the launcher does before it starts an agent. */
  launch(): void {
    this.starts++;
    this.#isOff = false;
    const trial = this.trial();
    const parts = { disk: systemConfigDisk, agentDir: this.agentDir, schemaOf: () => 0 };
    const decision = decideStart(trial, trial !== undefined && isMade(parts, trial));
    if (decision.do === "run") return;
    writeTrial(systemConfigDisk, this.agentDir, decision.trial);
    if (decision.do === "try") return;
    for (const undo of decision.trial.undo) performUndo(parts, undo);
    writeTrial(systemConfigDisk, this.agentDir, {
      ...decision.trial,
      state: "rolled-back",
      log: "last words",
    });
  }

  /** While it waits for the verdict the agent with the change says that it is well, or is killed. */
  #judge(): void {
    const trial = this.trial();
    if (trial?.state !== "trying") return;
    if (!this.isWell) throw new Cut("killed");
    writeTrial(systemConfigDisk, this.agentDir, { ...trial, state: "confirmed" });
  }

  deps(): ConfigDeps {
    const log = {
      error: () => undefined,
      warn: () => undefined,
      info: () => undefined,
      debug: () => undefined,
    };
    return {
      file: this.file,
      agentDir: this.agentDir,
      backupDir: join(this.dir, "backup"),
      version: "1.2.3",
      isRuntimeHealthy: () => this.isRuntimeHealthy,
      clock: {
        schedule: (_ms, fn) => {
          this.#judge();
          queueMicrotask(fn);
          return () => undefined;
        },
      },
      log,
      disk: this.disk(),
    };
  }

  /** One life of the agent, from its start until it is cut, ends for a restart, or the task has ended. */
  async live(updateFields: Record<string, string>, deps = this.deps()): Promise<"cut" | "restart" | "ended"> {
    this.launch();
    const runner = createConfigRunner(deps);
    const order: Order = {
      ...{ kind: "ConfigUpdateJob", name: "job", uid: "u", attempt: 1 },
      spec: { nodeNames: ["n"], updateFields },
    };
    const keep = (note: unknown): Promise<void> => {
      this.#effect();
      this.note = JSON.parse(JSON.stringify(note)) as unknown;
      this.meanwhile?.();
      return Promise.resolve();
    };
    const signal = new AbortController().signal;
    const context = { order, signal, note: () => this.note, keep, progress: () => undefined };
    try {
      while (this.step !== undefined && this.step !== this.stopBefore) {
        const outcome = await runner.run(this.step, context).catch(failureOf);
        if (!("ok" in outcome)) return "restart";
        this.#effect();
        this.#end(this.step, outcome);
      }
      return "ended";
    } catch (error) {
      if (error instanceof Cut) return "cut";
      throw error;
    }
  }

  #end(step: string, outcome: Extract<StepOutcome, { ok: boolean }>): void {
    this.outcomes.push([step, outcome.ok, outcome.ok ? "" : outcome.reason]);
    const isOver = !outcome.ok && outcome.unchanged === true;
    this.step = isOver ? undefined : nextStep("ConfigUpdateJob", step, outcome.ok);
  }

  /** Lives until the task has ended. @returns how many lives it took */
  async liveOn(updateFields: Record<string, string>): Promise<number> {
    for (let lives = 1; lives <= 12; lives++) {
      if ((await this.live(updateFields)) === "ended") return lives;
    }
    throw new Error("the task does not end");
  }
}
