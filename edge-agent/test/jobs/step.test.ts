// SPDX-License-Identifier: Apache-2.0
import { configFaults, prePullFaults, upgradeFaults } from "@longshore/crds/operations";
import type { JobKind } from "@longshore/crds/tasks";
import type { StepRunner } from "../../src/jobs/port.ts";
import { StoreError } from "../../src/store/index.ts";
import { describe, expect, it } from "@jest/globals";
import { apply, begin, end, newWorld, pull, reportOf, tasks, toldAll, upgrade, UPGRADED } from "./lives.ts";
import { liveUntil, settle, stepsOf, type Life } from "./world.ts";

describe("the first step", () => {
  const faults = (kind: JobKind, spec: unknown): string[] => {
    const rules = {
      NodeUpgradeJob: upgradeFaults,
      ImagePrePullJob: prePullOf,
      ConfigUpdateJob: configFaults,
    };
    return rules[kind](spec as never).map(({ field, message }) => `${field}: ${message}`);
  };
  const prePullOf = (spec: { imagePrePullTemplate: Parameters<typeof prePullFaults>[0] }) =>
    prePullFaults(spec.imagePrePullTemplate);
  const nodeNames = ["edge-1"];

  it.each<[string, JobKind, unknown]>([
    ["S9", "NodeUpgradeJob", { nodeNames, version: "v1.0.0;touch /tmp/p" }],
    ["S9", "NodeUpgradeJob", { nodeNames, version: "v1.0.0", image: "a/b$(id)" }],
    ["S10", "ConfigUpdateJob", { nodeNames, updateFields: { "modules.edgeStream.enable": "x;reboot" } }],
    [
      "S10",
      "ConfigUpdateJob",
      { nodeNames, updateFields: { "a,modules.edgeHub.httpServer": "https://evil" } },
    ],
    ["S10", "ImagePrePullJob", { imagePrePullTemplate: { nodeNames, images: ["a;reboot"] } }],
  ])("%s refuses a %s of %j with the reason, though no webhook did", async (_, kind, spec) => {
    const world = newWorld();
    const life = await begin(world, { faults });
    await apply(life, { kind, name: "bad", uid: "b-1", spec });
    await liveUntil(life, toldAll(life));
    expect(world.runs).toEqual([]);
    expect(stepsOf(world.reports.get("bad"))).toBe("Check=False");
    expect(reportOf(world, -1).reason).toBe(faults(kind, spec).join("; "));
    expect(reportOf(world, -1).reason).not.toBe("");
  });

  it.each<[JobKind, unknown]>([
    ["NodeUpgradeJob", { checkItems: ["cpu", "disk"] }],
    ["ImagePrePullJob", { imagePrePullTemplate: { checkItems: ["cpu", "disk"] } }],
  ])(
    "A33 asks this machine for the check items of a %s, and runs nothing when one fails",
    async (kind, spec) => {
      const world = newWorld();
      const asked: (readonly string[])[] = [];
      const checkItems = (items: readonly string[]) => {
        asked.push(items);
        return Promise.resolve(["disk is full", "CPU is busy"]);
      };
      const life = await begin(world, { checkItems });
      await apply(life, { kind, name: "j", uid: "j-1", spec });
      await liveUntil(life, toldAll(life));
      expect(asked).toEqual([["cpu", "disk"]]);
      expect(reportOf(world, -1)).toMatchObject({
        action: "Check",
        succ: false,
        reason: "disk is full; CPU is busy",
      });
      expect(world.runs).toEqual([]);
    },
  );

  it("refuses a kind of job that this agent does not do", async () => {
    const world = newWorld();
    const life = await begin(world, { runners: [] });
    await apply(life, pull);
    await liveUntil(life, toldAll(life));
    expect(reportOf(world, -1)).toMatchObject({
      succ: false,
      reason: "this agent does no jobs of this kind",
    });
  });
});

describe("a step", () => {
  const runner = (run: StepRunner["run"]): readonly StepRunner[] => [
    { kind: "ImagePrePullJob", changesAgent: false, faults: () => [], run },
  ];

  it("that throws has failed, and the agent goes on", async () => {
    const world = newWorld();
    const life = await begin(world, { runners: runner(() => Promise.reject(new Error("no socket"))) });
    await apply(life, pull);
    await liveUntil(life, toldAll(life));
    expect(reportOf(world, -1)).toMatchObject({ succ: false, reason: "the step failed: no socket" });
  });

  it("whose note could not be stored is run again", async () => {
    const world = newWorld();
    let runs = 0;
    const run: StepRunner["run"] = async (_, context) => {
      await context.keep({ runs });
      if (++runs === 1) throw new StoreError("FULL", "no room");
      return { ok: true };
    };
    const life = await begin(world, { runners: runner(run) });
    await apply(life, pull);
    await liveUntil(life, toldAll(life));
    expect(stepsOf(world.reports.get("pull"))).toBe("Check=True Pull=True");
    expect(runs).toBe(3);
  });

  it("that keeps more than it may has failed", async () => {
    const world = newWorld();
    const run: StepRunner["run"] = async (_, context) => {
      await context.keep("x".repeat(70_000));
      return { ok: true };
    };
    const life = await begin(world, { runners: runner(run) });
    await apply(life, pull);
    await liveUntil(life, toldAll(life));
    expect(reportOf(world, -1).reason).toBe("the step failed: a step wants to keep too much");
  });

  it("that the agent never survives fails after 20 starts, and is taken back", async () => {
    const world = newWorld();
    world.restarting.add("Upgrade");
    const stubborn = (life: Life) => liveUntil(life, toldAll(life));
    // It wants a restart for ever: its note says nothing of an earlier life.
    const run: StepRunner["run"] = (step) =>
      Promise.resolve(step === "Upgrade" ? { wait: "restart" } : { ok: true });
    const runners: StepRunner[] = [{ kind: "NodeUpgradeJob", changesAgent: true, faults: () => [], run }];
    let starts = 0;
    for (let over = false; !over; starts++) {
      const life = await begin(world, { runners });
      if (starts === 0) await apply(life, upgrade);
      await stubborn(life);
      over = !life.hasRestarted();
      await end(life);
    }
    expect(starts).toBe(21);
    expect(stepsOf(world.reports.get("up"))).toMatch(/Upgrade=False RollBack=True$/);
  });

  it("R35 that wants a restart gets one when its note is durable, and nothing else starts before", async () => {
    const world = newWorld();
    world.restarting.add("Upgrade");
    const first = await begin(world);
    await apply(first, { ...upgrade, created: "1" });
    await liveUntil(first, () => false);
    expect(first.hasRestarted()).toBe(true);
    await apply(first, pull);
    await settle(first);
    expect(tasks(first)).toMatchObject([
      { state: "running", step: "Upgrade", note: { step: "Upgrade", life: 1 } },
      { state: "ready", step: "Check", runs: 0 },
    ]);
    await end(first);
    const second = await begin(world);
    await liveUntil(second, () => tasks(second).length === 2 && toldAll(second)());
    expect(stepsOf(world.reports.get("up"))).toBe(UPGRADED);
    expect(stepsOf(world.reports.get("pull"))).toBe("Check=True Pull=True");
  });

  it("that runs when the agent stops is cut, and run by the next", async () => {
    const world = newWorld();
    const run: StepRunner["run"] = (step, { signal }) =>
      world.lives > 1 || step === "Check"
        ? Promise.resolve({ ok: true })
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    const first = await begin(world, { runners: runner(run) });
    await apply(first, pull);
    await liveUntil(first, () => tasks(first)[0]?.step === "Pull");
    await settle(first);
    await end(first);
    const second = await begin(world, { runners: runner(run) });
    await liveUntil(second, toldAll(second));
    expect(stepsOf(world.reports.get("pull"))).toBe("Check=True Pull=True");
  });
});
