// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { nextMove } from "../../../src/jobs/config/update.ts";
import { writeTrial } from "../../../src/trial/index.ts";
import { systemConfigDisk } from "../../../src/jobs/config/disk.ts";
import { CONFIG, Machine } from "./machine.ts";

const FIELDS = { "modules.edgeStream.enable": "true", "modules.edgeHub.heartbeat": "30" };
const CHANGED = CONFIG.replace("enable: false", "enable: true").replace("15", "30");
const SUCCESS = ["Check", "BackUp", "Update"];

const machines: Machine[] = [];
const machine = (text?: string): Machine => {
  const made = new Machine(text);
  machines.push(made);
  return made;
};
afterEach(() => {
  for (const made of machines.splice(0)) made.remove();
});
const stepsOf = ({ outcomes }: Machine): string[] => outcomes.map(([step, ok]) => (ok ? step : `!${step}`));

describe("a configuration job on a node", () => {
  it("A34 backs the file up, changes it, starts anew once, and ends when the agent is well", async () => {
    const m = machine();
    expect(await m.live(FIELDS)).toBe("restart");
    expect(m.trial()).toMatchObject({ id: "u/1", state: "prepared", runtimeWasHealthy: true });
    expect(await m.live(FIELDS)).toBe("ended");
    expect(stepsOf(m)).toEqual(SUCCESS);
    expect([m.text(), m.mode(), m.starts]).toEqual([CHANGED, 0o640, 2]);
    expect(m.trial()).toBeUndefined();
    const [backup = ""] = readdirSync(join(m.dir, "backup/1.2.3"));
    const path = join(m.dir, "backup/1.2.3", backup);
    expect(readFileSync(path, "utf8")).toBe(CONFIG);
    expect([statSync(path).mode & 0o777, statSync(join(m.dir, "backup")).mode & 0o777]).toEqual([
      0o640, 0o700,
    ]);
  });

  it("A34 R35 goes back to the identical bytes when the agent is not well with them", async () => {
    const m = machine();
    m.isWell = false;
    await m.liveOn(FIELDS);
    expect(stepsOf(m)).toEqual(["Check", "BackUp", "!Update", "RollBack"]);
    expect([m.text(), m.mode(), m.trial()]).toEqual([CONFIG, 0o640, undefined]);
    expect(m.outcomes[2]?.[2]).toMatch(
      /not well with the changed file.*: the changed agent was started 3 times and was never well/,
    );
  });

  it.each([
    ["a value of another type", { "modules.edgeStream.enable": "true; id" }],
    ["another's setting", { "modules.edgeHub.httpServer": "https://evil:1" }],
    ["a setting that nobody knows", { ...FIELDS, "modules.edgeStream.nosuch": "1" }],
    [
      "an item that the list has no place for",
      { "modules.edged.tailoredKubeletConfig.clusterDNS[3]": "10.0.0.1" },
    ],
  ])("S10 S36 A34 writes nothing at all for %s", async (_what, fields) => {
    const m = machine();
    expect(await m.live(fields)).toBe("ended");
    expect(stepsOf(m)).toEqual(["!Check"]);
    expect([m.text(), m.effects, readdirSync(m.dir).sort()]).toEqual([CONFIG, 1, ["agent", "edgecore.yaml"]]);
  });

  it("refuses at Check where no launcher would take the change back", async () => {
    const m = machine();
    await m.live(FIELDS, { ...m.deps(), agentDir: undefined });
    expect(m.outcomes).toEqual([["Check", false, expect.stringMatching(/not started by its launcher/)]]);
  });

  it.each([
    ["stands there already", { "modules.edgeHub.heartbeat": "15" }, CONFIG],
    [
      "is the default anyway",
      { "modules.edgeStream.handshakeTimeout": "30" },
      `${CONFIG}    handshakeTimeout: 30\n`,
    ],
  ])("ends without a restart when what is set %s", async (_what, fields, text) => {
    const m = machine();
    expect(await m.live(fields)).toBe("ended");
    expect([stepsOf(m), m.text(), m.trial()]).toEqual([SUCCESS, text, undefined]);
  });

  it.each([
    ["with the change", true, CHANGED],
    ["with the bytes of before", false, CONFIG],
  ])(
    "changes the file that a link leads to, and leaves link, mode and owner, %s",
    async (_what, isWell, text) => {
      const m = machine();
      m.isWell = isWell;
      const real = join(m.dir, "real.yaml");
      renameSync(m.file, real);
      symlinkSync(real, m.file);
      chmodSync(real, 0o600);
      const owner = process.getuid?.() === 0 ? 1234 : statSync(real).uid;
      chownSync(real, owner, statSync(real).gid);
      await m.liveOn(FIELDS);
      expect([realpathSync(m.file), readFileSync(real, "utf8")]).toEqual([real, text]);
      expect([statSync(real).mode & 0o777, statSync(real).uid]).toEqual([0o600, owner]);
    },
  );

  it("backs up anew what somebody wrote between the steps, and goes back to that", async () => {
    const m = machine();
    m.isWell = false;
    m.stopBefore = "Update";
    await m.live(FIELDS);
    m.stopBefore = undefined;
    const edited = CONFIG.replace("# node", "# edited by hand");
    writeFileSync(m.file, edited);
    await m.liveOn(FIELDS);
    expect([m.text(), stepsOf(m).at(-1)]).toEqual([edited, "RollBack"]);
  });

  describe("never undoes what somebody writes by hand", () => {
    const edited = CONFIG.replace("# node", "# edited by hand");
    const stopped = async (m: Machine): Promise<void> => {
      m.stopBefore = "Update";
      await m.live(FIELDS);
      m.stopBefore = undefined;
    };

    it("after the backup, in a way that the change does not fit", async () => {
      const m = machine();
      await stopped(m);
      writeFileSync(m.file, "modules: {nosuch: 1}\n");
      await m.liveOn(FIELDS);
      expect(stepsOf(m)).toEqual(["Check", "BackUp", "!Update", "RollBack"]);
      expect(m.text()).toBe("modules: {nosuch: 1}\n");
    });

    it.each([
      ["put on trial", FIELDS, CHANGED],
      [
        "written down",
        { "modules.edgeStream.handshakeTimeout": "30" },
        `${CONFIG}    handshakeTimeout: 30\n`,
      ],
    ])("while the change is being %s", async (_what, fields, changed) => {
      const m = machine();
      await stopped(m);
      m.meanwhile = () => {
        writeFileSync(m.file, edited);
        m.meanwhile = undefined;
      };
      await m.liveOn(fields);
      expect([stepsOf(m), m.text()]).toEqual([SUCCESS, changed.replace("# node", "# edited by hand")]);
    });

    it("after the change, and says where the bytes of before are", async () => {
      const m = machine();
      m.stopBefore = "Update";
      await m.live(FIELDS);
      Object.assign(m, { step: "RollBack", stopBefore: undefined });
      Object.assign(m.note as object, { written: "sum of the change", makes: 1 });
      writeFileSync(m.file, edited);
      await m.liveOn(FIELDS);
      expect([stepsOf(m).at(-1), m.text()]).toEqual(["!RollBack", edited]);
      expect(m.outcomes.at(-1)?.[2]).toContain(join(m.dir, "backup/1.2.3/edgecore.yaml."));
    });
  });

  it.each(["writeFile", "chown", "sync", "rename"] as const)(
    "A34 leaves the file as it is, and nothing beside it, when %s fails",
    async (effect) => {
      const m = machine();
      const fails = (path: string, ...rest: unknown[]): void => {
        const isConfig = path === `${m.file}.next`;
        if (effect === "writeFile" || !isConfig)
          (systemConfigDisk[effect] as (...given: unknown[]) => void)(path, ...rest);
        if (isConfig) throw new Error("ENOSPC: no space left on device");
      };
      const deps = m.deps();
      await m.live(FIELDS, { ...deps, disk: { ...systemConfigDisk, [effect]: fails } });
      expect(stepsOf(m)).toEqual(["Check", "BackUp", "!Update", "RollBack"]);
      expect([m.text(), m.trial()]).toEqual([CONFIG, undefined]);
      expect(readdirSync(m.dir).sort()).toEqual(["agent", "backup", "edgecore.yaml"]);
    },
  );

  it("keeps a bounded number of backups, the newest", async () => {
    const m = machine();
    const folder = join(m.dir, "backup/1.2.3");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `edgecore.yaml.${"0".repeat(16)}.next`), "cut while it was written");
    for (let i = 0; i < 14; i++) {
      Object.assign(m, { step: "Check", note: undefined });
      await m.liveOn({ "modules.edgeHub.heartbeat": String(100 + i) });
    }
    const beats = readdirSync(folder).map(
      (name) => /heartbeat: (\d+)/.exec(readFileSync(join(folder, name), "utf8"))?.[1],
    );
    expect(beats).toHaveLength(10);
    expect(beats).toContain("112");
  });

  it("does not touch another change that is on trial", async () => {
    const m = machine();
    const other = {
      id: "other/1",
      state: "prepared",
      starts: 1,
      maxStarts: 3,
      healthTimeoutMs: 1,
      undo: [],
    } as const;
    writeTrial(systemConfigDisk, m.agentDir, other);
    await m.live(FIELDS);
    expect([stepsOf(m).at(-1), m.text(), m.trial()?.id]).toEqual(["!Update", CONFIG, "other/1"]);
  });
});

describe("a configuration job that is cut", () => {
  /** @returns false when the task had ended before the nth effect */
  const runCut = async (at: number, isWell: boolean): Promise<boolean> => {
    const m = machine();
    Object.assign(m, { isWell, cutAt: at });
    const lives = await m.liveOn(FIELDS);
    expect(lives).toBeLessThanOrEqual(isWell ? 4 : 8);
    expect([m.text(), m.mode(), m.trial()]).toEqual([isWell ? CHANGED : CONFIG, 0o640, undefined]);
    expect(stepsOf(m)).toEqual(isWell ? SUCCESS : ["Check", "BackUp", "!Update", "RollBack"]);
    expect(readdirSync(m.dir).sort()).toEqual(["agent", "backup", "edgecore.yaml"]);
    return m.effects >= at;
  };

  it.each([
    ["with the change in force", true],
    ["with the bytes of before", false],
  ])("E2 R35 before any effect of any step ends all the same, %s", async (_what, isWell) => {
    let at = 1;
    while (await runCut(at, isWell)) at++;
    expect(at).toBeGreaterThan(20);
  });
});

describe("the next move of a change", () => {
  const seen = { id: "u/1", isMade: false, edited: { isOther: true, hasEffect: true } };
  const done = { isOther: false, hasEffect: false };
  it.each<[string, Partial<Parameters<typeof nextMove>[0]>, ReturnType<typeof nextMove>]>([
    ["nothing was done yet", {}, "make"],
    ["the file has the values, and no trial was made", { edited: done }, "nothing"],
    ["the file has the values, and its trial is lost", { edited: done, isMade: true }, "make"],
    ["only what is written down changes", { edited: { isOther: true, hasEffect: false } }, "plain"],
    ["it is prepared", { trial: { id: "u/1", state: "prepared" }, edited: done }, "make"],
    ["the agent is on trial", { trial: { id: "u/1", state: "trying" }, edited: done }, "wait"],
    ["the agent is well with it", { trial: { id: "u/1", state: "confirmed" }, edited: done }, "confirmed"],
    ["the agent is well, but without it", { trial: { id: "u/1", state: "confirmed" } }, "make"],
    ["it was taken back", { trial: { id: "u/1", state: "rolled-back" } }, "rolled-back"],
    ["another one is on trial", { trial: { id: "u/2", state: "trying" } }, "foreign"],
    ["another one left its verdict", { trial: { id: "u/2", state: "rolled-back" } }, "make"],
  ])("when %s", (_what, more, move) => expect(nextMove({ ...seen, trial: undefined, ...more })).toBe(move));
});
