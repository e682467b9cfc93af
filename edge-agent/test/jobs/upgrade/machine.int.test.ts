// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { StepOutcome } from "../../../src/jobs/port.ts";
import { createUpgradeRunner } from "../../../src/jobs/upgrade/index.ts";
import { prepareStart } from "../../../src/launcher/prepare.ts";
import { seedSlot } from "../../../src/launcher/seed.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { readTrial, schemaOfFile, systemDisk, writeTrial } from "../../../src/trial/index.ts";

const quiet = (): void => undefined;
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };

describe("an upgrade on this machine's disk, with the agent's store", () => {
  let dir = "";
  let store: Store;
  const at = (name: string): string => join(dir, name);
  const openStore = (): Store =>
    createStore(at("data"), { log, clock: systemClock, metrics: { damaged: quiet, failed: quiet } });
  const start = () =>
    prepareStart({ disk: systemDisk, agentDir: at("agent"), schemaOf: schemaOfFile }, quiet);

  const run = (step: string): Promise<StepOutcome> => {
    const runner = createUpgradeRunner({
      agentDir: at("agent"),
      backupDir: at("backup"),
      configFile: at("edgecore.yaml"),
      store,
      isRuntimeHealthy: () => true,
      clock: systemClock,
      log,
      artefacts: {
        fetch: ({ into }) => {
          mkdirSync(join(into, "edge-agent.parts"));
          writeFileSync(join(into, "edge-agent.js"), "new");
          writeFileSync(join(into, "edge-agent.parts/a.js"), "part");
          return Promise.resolve({ digest: "sha256:2" });
        },
      },
    });
    return runner.run(step, {
      order: {
        kind: "NodeUpgradeJob",
        name: "job",
        uid: "uid",
        attempt: 1,
        spec: { version: "v2.0.0", image: "registry.example/agent", nodeNames: ["n"] },
      },
      signal: new AbortController().signal,
      note: () => store.records.get("jobs", "note"),
      keep: (note) => store.records.put("jobs", "note", note),
      progress: quiet,
    });
  };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "upgrade-"));
    mkdirSync(at("seed"));
    writeFileSync(at("seed/edge-agent.js"), "old");
    writeFileSync(at("seed/manifest.json"), '{"version":"v1.0.0","digest":""}');
    writeFileSync(at("edgecore.yaml"), "kind: EdgeCore\n");
    await seedSlot(systemDisk, at("agent"), at("seed"), quiet);
    store = openStore();
    await store.records.put("kept", "key", "of before");
    for (const step of ["Check", "BackUp"]) expect(await run(step)).toEqual({ ok: true });
    expect(await run("Upgrade")).toEqual({ wait: "restart" });
    store.close();
  });
  afterEach(() => {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("A26 starts the new agent on trial, and tells both versions when it is well", async () => {
    const { slot, trial } = start();
    expect({ slot, starts: trial?.starts }).toEqual({ slot: "b", starts: 1 });
    expect(readFileSync(at("agent/current/edge-agent.js"), "utf8")).toBe("new");
    store = openStore();
    if (trial) writeTrial(systemDisk, at("agent"), { ...trial, state: "confirmed" });
    expect(await run("Upgrade")).toEqual({ ok: true, fromVersion: "v1.0.0", toVersion: "v2.0.0" });
    expect(start()).toEqual({ slot: "b" });
  });

  it("A31 R35 goes back to an agent that cannot read what the new one wrote, store and all", async () => {
    const trial = start().trial;
    if (!trial) throw new Error("nothing is on trial");
    const newer = new DatabaseSync(at("data/agent.db"));
    newer.exec("PRAGMA user_version = 1000");
    newer.close();
    writeTrial(systemDisk, at("agent"), { ...trial, reason: "was not well", log: "cannot be" });
    expect(start()).toEqual({ slot: "a" });
    store = openStore(); // which throws on a newer schema
    expect(store.records.get("kept", "key")).toBe("of before");
    expect(await run("BackUp")).toEqual({ ok: true });
    expect(await run("Upgrade")).toMatchObject({ ok: false, reason: "was not well", log: "cannot be" });
    expect(await run("RollBack")).toEqual({ ok: true, fromVersion: "v2.0.0", toVersion: "v1.0.0" });
    expect(readTrial(systemDisk, at("agent"))).toBeUndefined();
    expect(readFileSync(at("backup/v1.0.0/edgecore.yaml"), "utf8")).toBe("kind: EdgeCore\n");
  });
});
