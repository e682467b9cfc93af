// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { StepContext, StepOutcome } from "../../../src/jobs/port.ts";
import {
  ArtefactError,
  createUpgradeRunner,
  wrongDigest,
  type Artefacts,
  type UpgradeDeps,
} from "../../../src/jobs/upgrade/index.ts";
import {
  fillSlot,
  makeFolders,
  pointedSlot,
  pointTo,
  readManifest,
  readTrial,
  sealFolder,
  slotFolder,
  writeTrial,
  type Trial,
} from "../../../src/trial/index.ts";
import { ModelDisk } from "../../trial/model-disk.ts";

const AGENT_DIR = "/var/lib/longshore/agent";
const BACKUP_DIR = "/etc/kubeedge/backup";
const CONFIG = "/etc/kubeedge/config/edgecore.yaml";
const STORE = "/var/lib/kubeedge/agent.db";
const SPEC = {
  version: "v2.0.0",
  image: "registry.example/agent",
  nodeNames: ["n"],
  imageDigestGatter: { amd64: `sha256:${"a".repeat(64)}` },
};
const quiet = (): void => undefined;

let disk: ModelDisk;
beforeEach(async () => {
  disk = new ModelDisk();
  for (const path of [AGENT_DIR, "/var/lib/kubeedge", "/etc/kubeedge/config"]) makeFolders(disk, path);
  disk.commit(CONFIG, "kind: EdgeCore\r\n");
  disk.commit(STORE, "rows");
  makeFolders(disk, `${AGENT_DIR}/first`);
  disk.writeFile(`${AGENT_DIR}/first/edge-agent.js`, Buffer.from("old"), 0o644);
  await sealFolder(disk, `${AGENT_DIR}/first`, { version: "v1.0.0", digest: "sha256:1" });
  fillSlot(disk, AGENT_DIR, "a", `${AGENT_DIR}/first`);
  pointTo(disk, AGENT_DIR, "a");
});

const good: Artefacts = {
  fetch: ({ into }) => {
    disk.writeFile(`${into}/edge-agent.js`, Buffer.from("new"), 0o644);
    return Promise.resolve({ digest: "sha256:2" });
  },
};

/** Everything on the disk but what the upgrade may touch before it is confirmed. */
function host(): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    if (path.startsWith(`${AGENT_DIR}/staging`)) return;
    const kind = disk.entry(path)?.kind ?? "";
    found[path] = kind === "file" ? disk.text(path) : kind === "link" ? disk.readLink(path) : kind;
    if (kind === "folder") for (const name of disk.list(path)) visit(`${path === "/" ? "" : path}/${name}`);
  };
  visit("/");
  return found;
}

interface Job {
  run(step: string): Promise<StepOutcome>;
  note(): unknown;
}

function job(spec: unknown = SPEC, more: Partial<UpgradeDeps> = {}, signal?: AbortSignal): Job {
  let note: unknown;
  let nowMs = 0;
  const runner = createUpgradeRunner({
    agentDir: AGENT_DIR,
    backupDir: BACKUP_DIR,
    configFile: CONFIG,
    store: { file: STORE, schema: 1, backup: (to) => disk.writeFile(to, disk.readFile(STORE), 0o600) },
    artefacts: good,
    isRuntimeHealthy: () => true,
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      schedule: (delayMs, fn) => {
        nowMs += delayMs;
        setImmediate(fn);
        return quiet;
      },
    },
    log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
    disk,
    ...more,
  });
  const context: StepContext = {
    order: { kind: "NodeUpgradeJob", name: "job", uid: "uid", attempt: 1, spec },
    signal: signal ?? new AbortController().signal,
    note: () => note,
    keep: (next) => {
      note = next;
      return Promise.resolve();
    },
    progress: quiet,
  };
  return { run: (step) => runner.run(step, context), note: () => note };
}

const refusing = (error: Error): Artefacts => ({
  fetch: ({ into }) => {
    disk.writeFile(`${into}/edge-agent.js`, Buffer.from("evil"), 0o644);
    return Promise.reject(error);
  },
});

describe("Check", () => {
  it("A29 refuses a wrong digest in KubeEdge's words, and leaves nothing of the image", async () => {
    const before = host();
    const words = wrongDigest("registry.example/agent:v2.0.0", "sha256:1", "sha256:2");
    const outcome = await job(SPEC, { artefacts: refusing(new ArtefactError("REFUSED", words)) }).run(
      "Check",
    );
    expect(outcome).toEqual({
      ok: false,
      unchanged: true,
      reason:
        "image digest of registry.example/agent:v2.0.0 is not correct, local: sha256:1, expected: sha256:2",
    });
    expect(host()).toEqual(before);
    expect(disk.entry(`${AGENT_DIR}/staging`)).toBeUndefined();
  });

  it("A30 refuses to wait for somebody who cannot confirm, and fetches nothing", async () => {
    const before = host();
    const upgrade = job({ ...SPEC, requireConfirmation: true }, { takesConfirmation: false });
    expect(await upgrade.run("Check")).toEqual({
      ok: false,
      unchanged: true,
      reason: "nobody can confirm at this agent: set modules.metaManager.metaServer.enable",
    });
    expect(host()).toEqual(before);
    expect(disk.entry(`${AGENT_DIR}/staging`)).toBeUndefined();
  });

  it("S36 changes nothing on the machine before it is confirmed but the staging folder", async () => {
    const before = host();
    const upgrade = job({ ...SPEC, requireConfirmation: true });
    expect(await upgrade.run("Check")).toEqual({ ok: true });
    expect(await upgrade.run("WaitingConfirmation")).toEqual({ ok: true, wait: "confirmation" });
    expect(host()).toEqual(before);
  });

  it("does not wait where the job requires nobody", async () => {
    expect(await job().run("WaitingConfirmation")).toEqual({ ok: true });
  });

  it("fetches once, however often it is cut and run again", async () => {
    let fetches = 0;
    const upgrade = job(SPEC, {
      artefacts: {
        fetch: (request) => {
          fetches++;
          return good.fetch(request);
        },
      },
    });
    await upgrade.run("Check");
    expect(await upgrade.run("Check")).toEqual({ ok: true });
    expect(fetches).toBe(1);
  });

  it("is run again where the agent stops while it fetches", async () => {
    const stopping = new AbortController();
    const artefacts: Artefacts = {
      fetch: () => {
        stopping.abort();
        return Promise.reject(new ArtefactError("UNREACHABLE", "stopped"));
      },
    };
    expect(await job(SPEC, { artefacts }, stopping.signal).run("Check")).toEqual({ wait: "restart" });
  });

  it.each([
    {
      when: "no launcher started the agent",
      more: { agentDir: undefined },
      want: /not started by its launcher/,
    },
    {
      when: "no slot holds an agent",
      more: { agentDir: "/elsewhere" },
      want: /holds no agent to come back to/,
    },
  ])("refuses when $when", async ({ more, want }) => {
    expect(await job(SPEC, more).run("Check")).toMatchObject({
      ok: false,
      unchanged: true,
      reason: expect.stringMatching(want),
    });
  });

  it("refuses where there is no room for two copies", async () => {
    disk.freeBytes = () => 10 * 1024 * 1024;
    expect(await job().run("Check")).toMatchObject({
      ok: false,
      reason: `${AGENT_DIR} has room for 10 MiB, the upgrade takes 32 MiB`,
    });
  });

  it.each([
    { ...SPEC, version: "v1.0.0;touch /tmp/p" },
    { ...SPEC, version: 1 },
    { ...SPEC, version: "1.23" },
    { ...SPEC, image: "a/b$(id)" },
    { ...SPEC, image: ["a"] },
    { ...SPEC, imageDigestGatter: "sha256:1" },
    { ...SPEC, imageDigestGatter: { registryAPI: { host: 1 } } },
    { ...SPEC, requireConfirmation: "false" },
    null,
    [],
  ])("S9 refuses spec %# with the webhook bypassed, at any step", async (spec) => {
    const before = host();
    for (const step of ["Check", "BackUp", "Upgrade"])
      expect(await job(spec).run(step)).toMatchObject({ ok: false, unchanged: true });
    expect(host()).toEqual(before);
  });
});

describe("BackUp", () => {
  it("A31 keeps configuration, store and manifest below the version of before", async () => {
    const upgrade = job();
    await upgrade.run("Check");
    expect(await upgrade.run("BackUp")).toEqual({ ok: true });
    const folder = `${BACKUP_DIR}/v1.0.0`;
    expect(disk.text(`${folder}/edgecore.yaml`)).toBe("kind: EdgeCore\r\n");
    expect(disk.text(`${folder}/agent.db`)).toBe("rows");
    expect(readManifest(disk, folder)).toMatchObject({ version: "v1.0.0" });
    expect(disk.entry(`${folder}/agent.db`)?.mode).toBe(0o600);
  });

  it("leaves no half of a copy where the disk is full", async () => {
    const backup = (to: string): void => {
      disk.writeFile(to, Buffer.from("ro"), 0o600);
      throw new Error("the disk is full");
    };
    const upgrade = job(SPEC, { store: { file: STORE, schema: 1, backup } });
    await upgrade.run("Check");
    await expect(upgrade.run("BackUp")).rejects.toThrow("the disk is full");
    expect(disk.list(`${BACKUP_DIR}/v1.0.0`)).toEqual(["edgecore.yaml"]);
  });

  it("removes old backups beyond its limit, and nothing that is none", async () => {
    for (const version of ["v0.1.0", "v0.2.0", "v0.3.0"]) {
      makeFolders(disk, `${BACKUP_DIR}/${version}`);
      for (const name of ["agent.db", "manifest.json"]) disk.commit(`${BACKUP_DIR}/${version}/${name}`, "{}");
    }
    makeFolders(disk, `${BACKUP_DIR}/of-keadm`);
    const upgrade = job(SPEC, { options: { keptBackups: 1 } });
    await upgrade.run("Check");
    await upgrade.run("BackUp");
    expect([...disk.list(BACKUP_DIR)].sort()).toEqual(["of-keadm", "v0.3.0", "v1.0.0"]);
  });
});

describe("Upgrade", () => {
  const begun = async (more: Partial<UpgradeDeps> = {}): Promise<Job> => {
    const upgrade = job(SPEC, more);
    for (const step of ["Check", "BackUp"]) await upgrade.run(step);
    return upgrade;
  };
  const judged = (more: Partial<Trial>): void => {
    const trial = readTrial(disk, AGENT_DIR);
    if (trial === undefined) throw new Error("there is no trial");
    writeTrial(disk, AGENT_DIR, { ...trial, ...more });
  };

  it("puts the agent into the free slot, on trial, and asks for a restart", async () => {
    const upgrade = await begun();
    expect(await upgrade.run("Upgrade")).toEqual({ wait: "restart" });
    expect(pointedSlot(disk, AGENT_DIR)).toBe("b");
    expect(readManifest(disk, slotFolder(AGENT_DIR, "b"))).toMatchObject({
      version: "v2.0.0",
      digest: "sha256:2",
    });
    expect(readTrial(disk, AGENT_DIR)).toMatchObject({
      id: "uid/1",
      state: "prepared",
      maxStarts: 3,
      healthTimeoutMs: 120_000,
      runtimeWasHealthy: true,
      undo: [
        { do: "slot", slot: "a" },
        { do: "store", path: STORE, schema: 1 },
      ],
    });
  });

  it("A26 tells both versions when the new agent is well, as often as it is asked", async () => {
    const upgrade = await begun();
    await upgrade.run("Upgrade");
    judged({ state: "confirmed" });
    const told = { ok: true, fromVersion: "v1.0.0", toVersion: "v2.0.0" };
    expect(await upgrade.run("Upgrade")).toEqual(told);
    expect(readTrial(disk, AGENT_DIR)).toBeUndefined();
    expect(await upgrade.run("Upgrade")).toEqual(told);
  });

  it("A31 tells why it was taken back, with the log, and then that it was", async () => {
    const upgrade = await begun();
    await upgrade.run("Upgrade");
    pointTo(disk, AGENT_DIR, "a");
    judged({ state: "rolled-back", reason: "it ended with exit code 1", log: "cannot be" });
    expect(await upgrade.run("Upgrade")).toMatchObject({
      ok: false,
      reason: "it ended with exit code 1",
      log: "cannot be",
    });
    const told = { ok: true, fromVersion: "v2.0.0", toVersion: "v1.0.0" };
    expect(await upgrade.run("RollBack")).toEqual(told);
    expect(readTrial(disk, AGENT_DIR)).toBeUndefined();
    expect(await upgrade.run("RollBack")).toEqual(told);
  });

  it("waits for the verdict on the agent that it runs in", async () => {
    const upgrade = await begun();
    await upgrade.run("Upgrade");
    judged({ state: "trying", starts: 1 });
    const outcome = upgrade.run("Upgrade");
    setImmediate(() => judged({ state: "confirmed" }));
    expect(await outcome).toMatchObject({ ok: true });
  });

  it("leaves it to the launcher to take back what nobody has judged", async () => {
    const upgrade = await begun({ options: { healthTimeoutMs: 1_000 } });
    await upgrade.run("Upgrade");
    judged({ state: "trying", starts: 1 });
    const reason = "there is no launcher that judges the new agent";
    expect(await upgrade.run("Upgrade")).toMatchObject({ ok: false, reason });
    expect(await upgrade.run("RollBack")).toEqual({ wait: "restart" });
    expect(readTrial(disk, AGENT_DIR)).toMatchObject({ state: "trying", reason: "the upgrade failed" });
  });

  it("R35 does not point to an agent that is not whole any more, and takes the rest back", async () => {
    const upgrade = await begun();
    await upgrade.run("Upgrade");
    pointTo(disk, AGENT_DIR, "a"); // as the launcher does where the other slot holds no agent
    disk.removeFile(`${slotFolder(AGENT_DIR, "b")}/edge-agent.js`);
    expect(await upgrade.run("Upgrade")).toMatchObject({
      ok: false,
      reason: "the agent that was fetched is not as it was: edge-agent.js is missing",
    });
    expect(pointedSlot(disk, AGENT_DIR)).toBe("a");
    expect(await upgrade.run("RollBack")).toMatchObject({ ok: true, toVersion: "v1.0.0" });
    expect(readTrial(disk, AGENT_DIR)).toBeUndefined();
  });

  it("says when the launcher could not take it back", async () => {
    const upgrade = await begun();
    await upgrade.run("Upgrade");
    judged({ state: "rolled-back", reason: "not taken back: slot a holds no agent to go back to" });
    await upgrade.run("Upgrade");
    expect(await upgrade.run("RollBack")).toMatchObject({
      ok: false,
      reason: "not taken back: slot a holds no agent to go back to",
    });
  });

  it.each(["edge-agent.js", "manifest.json", "more.js"])(
    "S36 refuses when %s was changed between fetch and upgrade",
    async (name) => {
      const upgrade = await begun();
      const [staged = ""] = disk.list(`${AGENT_DIR}/staging`);
      const path = `${AGENT_DIR}/staging/${staged}/${name}`;
      const old = disk.entry(path) ? disk.text(path) : "";
      disk.writeFile(path, Buffer.from(`${old} `), 0o644);
      expect(await upgrade.run("Upgrade")).toMatchObject({
        ok: false,
        unchanged: true,
        reason: expect.stringContaining("is not as it was"),
      });
      expect(pointedSlot(disk, AGENT_DIR)).toBe("a");
      expect(disk.entry(slotFolder(AGENT_DIR, "b"))).toBeUndefined();
    },
  );

  it("does not begin beside another change that is on trial", async () => {
    const upgrade = await begun();
    const other: Trial = {
      id: "other/1",
      state: "trying",
      starts: 1,
      maxStarts: 3,
      healthTimeoutMs: 1,
      undo: [],
    };
    writeTrial(disk, AGENT_DIR, other);
    expect(await upgrade.run("Upgrade")).toMatchObject({ ok: false, unchanged: true });
    expect(readTrial(disk, AGENT_DIR)).toEqual(other);
  });

  it("is done at once where the very same image runs already", async () => {
    const artefacts: Artefacts = {
      fetch: async (request) => ({ ...(await good.fetch(request)), digest: "sha256:1" }),
    };
    const upgrade = await begun({ artefacts });
    expect(await upgrade.run("Upgrade")).toEqual({ ok: true, fromVersion: "v1.0.0", toVersion: "v2.0.0" });
    expect(readTrial(disk, AGENT_DIR)).toBeUndefined();
  });
});
