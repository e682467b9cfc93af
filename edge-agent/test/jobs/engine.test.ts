// SPDX-License-Identifier: Apache-2.0
import { configFaults, prePullFaults, upgradeFaults } from "@longshore/crds/operations";
import { formatTaskResource, type ActionReport, type JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { TASK_BUCKET } from "../../src/jobs/index.ts";
import type { StepRunner } from "../../src/jobs/port.ts";
import type { Task } from "../../src/jobs/task.ts";
import { StoreError } from "../../src/store/index.ts";
import { put } from "../store/gen.ts";
import {
  gate,
  live,
  liveUntil,
  order,
  settle,
  stepsOf,
  World,
  type JobText,
  type Life,
  type LifeOptions,
} from "./world.ts";

const upgrade: JobText = { kind: "NodeUpgradeJob", name: "up", uid: "u-1", spec: { version: "v1.2.3" } };
const pull: JobText = { kind: "ImagePrePullJob", name: "pull", uid: "p-1" };
const UPGRADED = "Check=True WaitingConfirmation=True BackUp=True Upgrade=True";

let lives: Life[] = [];
let worlds: World[] = [];
afterEach(async () => {
  for (const life of lives) await life.end();
  for (const world of worlds) world.end();
  [lives, worlds] = [[], []];
});

function newWorld(): World {
  const world = new World();
  worlds.push(world);
  return world;
}

async function begin(world: World, how: LifeOptions = {}): Promise<Life> {
  const life = live(world, how);
  lives.push(life);
  await life.jobs.start();
  return life;
}
async function end(life: Life): Promise<void> {
  lives = lives.filter((other) => other !== life);
  await life.end();
}
const apply = (life: Life, job: JobText) => life.store.desired.apply(put(order(job)));
const withdraw = (life: Life, { kind, name, uid }: JobText) =>
  life.store.desired.apply({ op: "delete", key: order({ kind, name, uid }).key, uid });
const tasks = (life: Life): Task[] => life.store.records.list(TASK_BUCKET).map(([, task]) => task as Task);
const toldAll = (life: Life) => (): boolean =>
  tasks(life).length > 0 && tasks(life).every((t) => t.state === "ended" && t.told === t.changes);
const reportOf = (world: World, at: number): ActionReport => world.frames.at(at)?.content as ActionReport;

describe("an order of our hub", () => {
  it("A26 is walked through its steps, and each report tells the whole task", async () => {
    const world = newWorld();
    world.outcomes.set("up/Upgrade", { ok: true, fromVersion: "v1.2.2", toVersion: "v1.2.3" });
    const life = await begin(world);
    await apply(life, upgrade);
    await liveUntil(life, toldAll(life));
    expect(world.frames.at(-1)).toMatchObject({
      source: "websocket",
      group: "hub",
      operation: "UpdateNodeActionStatus",
      resource: "operations.kubeedge.io/v1alpha2/nodeupgradejob/up/node/edge-1",
      content: {
        action: "Upgrade",
        succ: true,
        reason: "",
        extend: "v1.2.2,v1.2.3",
        uid: "u-1",
        attempt: 1,
        fromVersion: "v1.2.2",
        toVersion: "v1.2.3",
      },
    });
    expect(stepsOf(reportOf(world, -1))).toBe(UPGRADED);
    const metrics = await life.registry.metrics();
    expect(metrics).toContain(
      'longshore_agent_jobs_steps_total{kind="NodeUpgradeJob",step="Upgrade",outcome="True"} 1',
    );
    expect(metrics).toContain("longshore_agent_jobs_reports_waiting 0");
  });

  it("A33 tells of each image", async () => {
    const world = newWorld();
    const images = [{ image: "bad", status: "False", reason: "no such image" }];
    world.outcomes.set("pull/Pull", { ok: false, reason: "1 of 1 images", images });
    const life = await begin(world);
    await apply(life, pull);
    await liveUntil(life, toldAll(life));
    expect(reportOf(world, -1)).toMatchObject({ action: "Pull", succ: false, images });
    expect(reportOf(world, -1).extend).toBe(JSON.stringify(images));
  });

  it("A32 that came before this start, and waited in the store, runs once", async () => {
    const world = newWorld();
    const first = live(world, { connected: false });
    await apply(first, upgrade); // the engine of that life never started
    await end(first);
    const life = await begin(world);
    await liveUntil(life, toldAll(life));
    expect(world.runs).toHaveLength(4);
  });

  it("is not run again when it comes again, nor after a restart; the cloud is only told again", async () => {
    const world = newWorld();
    const first = await begin(world);
    await apply(first, upgrade);
    await liveUntil(first, toldAll(first));
    const told = world.frames.length;
    await apply(first, upgrade);
    await liveUntil(first, () => world.frames.length > told);
    expect(stepsOf(reportOf(world, -1))).toBe(UPGRADED);
    await end(first);
    const second = await begin(world);
    await settle(second);
    await apply(second, upgrade);
    await settle(second);
    expect(world.runs).toHaveLength(4);
  });

  it("runs again as another attempt, and the earlier one is news no more", async () => {
    const world = newWorld();
    world.outcomes.set("up/BackUp", { ok: false, reason: "disk" });
    const life = await begin(world);
    await apply(life, upgrade);
    await liveUntil(life, toldAll(life));
    world.outcomes.clear();
    await apply(life, { ...upgrade, attempt: 2 });
    await liveUntil(life, () => tasks(life).length === 2 && toldAll(life)());
    expect(reportOf(world, -1)).toMatchObject({ attempt: 2, action: "Upgrade" });
    expect(world.effects).toContain("up/2/Upgrade");
  });

  it("that was withdrawn before it began never runs", async () => {
    const world = newWorld();
    const checked = gate<never[]>();
    const life = await begin(world, { checkItems: () => checked.promise });
    await apply(life, { ...upgrade, created: "1" });
    await apply(life, { ...upgrade, name: "late", uid: "u-2", created: "2" });
    await settle(life);
    await withdraw(life, { ...upgrade, name: "late", uid: "u-2" });
    checked.open([]);
    await liveUntil(life, toldAll(life));
    expect(world.runs.map((run) => run.split("/")[0])).toEqual(["up", "up", "up", "up"]);
    expect(await life.registry.metrics()).toContain('outcome="withdrawn"} 1');
  });

  it("that is withdrawn while another one is being stored never begins", async () => {
    const world = newWorld();
    const life = live(world);
    lives.push(life);
    await apply(life, { ...upgrade, created: "1" });
    await apply(life, { ...pull, created: "2" }); // taken after the upgrade, and before that begins
    const started = life.jobs.start();
    while (tasks(life).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await withdraw(life, upgrade);
    await started;
    await liveUntil(life, toldAll(life));
    expect(world.runs).toEqual(["pull/1/Check", "pull/1/Pull"]);
    expect(await life.registry.metrics()).toContain('outcome="withdrawn"} 1');
  });

  it("that comes again while it is being forgotten is remembered", async () => {
    const world = newWorld();
    const options = { maxEnded: 0 };
    const other = { ...pull, name: "other", uid: "p-2" };
    const first = await begin(world, { options });
    for (const job of [pull, other]) await apply(first, job);
    await liveUntil(first, () => tasks(first).length === 2 && toldAll(first)());
    await end(first);
    const second = live(world, { options });
    lives.push(second);
    for (const job of [pull, other]) await withdraw(second, job);
    const started = second.jobs.start();
    await apply(second, pull); // the later one is forgotten first
    await started;
    await settle(second);
    expect(tasks(second).map(({ order: { name } }) => name)).toEqual(["pull"]);
    expect(world.runs).toHaveLength(4);
  });

  it("that was withdrawn while it runs is finished, and the cloud hears of it", async () => {
    const world = newWorld();
    const checked = gate<never[]>();
    const life = await begin(world, { checkItems: () => checked.promise });
    await apply(life, upgrade);
    await settle(life);
    await withdraw(life, upgrade);
    checked.open([]);
    await liveUntil(life, toldAll(life));
    expect(stepsOf(world.reports.get("up"))).toBe(UPGRADED);
  });

  it("waits for the one before it where both change the agent, and for none where not", async () => {
    const world = newWorld();
    const checked = gate<never[]>();
    let checks = 0;
    const checkItems = () => (++checks === 1 ? checked.promise : Promise.resolve([]));
    const life = await begin(world, { checkItems });
    await apply(life, { ...upgrade, created: "1" });
    await settle(life);
    await apply(life, { kind: "ConfigUpdateJob", name: "conf", uid: "c-1" });
    await apply(life, pull);
    await liveUntil(life, () => world.reports.has("pull"));
    await settle(life);
    expect(world.runs).toEqual(["pull/1/Check", "pull/1/Pull"]);
    checked.open([]);
    await liveUntil(life, toldAll(life));
    expect(life.mostAtOnce()).toBe(1);
  });
});

describe("a confirmation", () => {
  const asks = { ...upgrade, spec: { requireConfirmation: true } };

  it("A30 S36 is waited for over restarts and for ever, with nothing done behind it, then BackUp follows", async () => {
    const world = newWorld();
    const first = await begin(world);
    await apply(first, asks);
    await liveUntil(first, () => stepsOf(world.reports.get("up")).includes("WaitingConfirmation=True"));
    first.clock.advance(3_600_000);
    await settle(first);
    await end(first);
    const second = await begin(world);
    await settle(second);
    second.clock.advance(30 * 86_400_000);
    await settle(second);
    expect(world.effects).toEqual(["up/1/Check", "up/1/WaitingConfirmation"]);
    await expect(second.jobs.confirmations.confirm()).resolves.toBe("up");
    await liveUntil(second, toldAll(second));
    expect(stepsOf(world.reports.get("up"))).toBe(UPGRADED);
    await expect(second.jobs.confirmations.confirm()).resolves.toBeUndefined();
  });

  it("is for one upgrade, however often it is given at once", async () => {
    const world = newWorld();
    const life = await begin(world);
    await apply(life, asks);
    await liveUntil(life, () => tasks(life)[0]?.state === "confirming");
    const { confirmations } = life.jobs;
    const given = await Promise.all([confirmations.confirm(), confirmations.confirm()]);
    expect(given.sort()).toEqual(["up", undefined]);
  });

  it("holds up no other job, and is not taken for one that was withdrawn", async () => {
    const world = newWorld();
    const life = await begin(world);
    await apply(life, asks);
    await liveUntil(life, () => tasks(life)[0]?.state === "confirming");
    await apply(life, { kind: "ConfigUpdateJob", name: "conf", uid: "c-1" });
    await liveUntil(life, () => stepsOf(world.reports.get("conf")).includes("Update=True"));
    await withdraw(life, asks);
    await expect(life.jobs.confirmations.confirm()).resolves.toBeUndefined();
    await settle(life);
    expect(world.effects).not.toContain("up/1/BackUp");
    expect(tasks(life).map(({ order: { name } }) => name)).toEqual(["conf"]);
  });
});

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

describe("a CloudCore's order", () => {
  const frame = (name: string, spec: object, id = "m"): Frame => {
    const address = { dialect: "v1alpha2", kind: "NodeUpgradeJob", job: name, node: "edge-1" } as const;
    return {
      header: { msg_id: id, timestamp: 1 },
      route: { group: "taskmanager", operation: "Check", resource: formatTaskResource(address) },
      content: spec,
    };
  };

  it("is durable, runs once, and each step is told in a frame of its own with KubeEdge's fields alone", async () => {
    const world = newWorld();
    world.outcomes.set("up/BackUp", {
      ok: false,
      reason: "disk",
      fromVersion: "v1.0.0",
      toVersion: "v1.1.0",
    });
    const life = await begin(world);
    life.uplink.isNegotiated = false;
    life.jobs.take(frame("up", {}));
    await liveUntil(life, toldAll(life));
    const contents = world.frames.map(({ content }) => content);
    expect(contents).toEqual([
      { action: "Check", succ: true, finishTime: expect.any(String), reason: "", extend: "" },
      { action: "WaitingConfirmation", succ: true, finishTime: expect.any(String), reason: "", extend: "" },
      {
        action: "BackUp",
        succ: false,
        finishTime: expect.any(String),
        reason: "disk",
        extend: "v1.0.0,v1.1.0",
      },
    ]);
    life.jobs.take(frame("up", {}));
    await liveUntil(life, () => world.frames.length === 6);
    expect(world.runs).toHaveLength(3);
  });

  it("runs once more when it comes in another message after it has ended: its job was created anew", async () => {
    const world = newWorld();
    world.outcomes.set("up/BackUp", { ok: false, reason: "disk" });
    const life = await begin(world);
    life.uplink.isNegotiated = false;
    life.jobs.take(frame("up", {}));
    await liveUntil(life, () => world.runs.length > 0);
    life.jobs.take(frame("up", {}, "sent again"));
    await liveUntil(life, toldAll(life));
    expect(world.runs).toHaveLength(3);
    world.outcomes.clear();
    life.jobs.take(frame("up", {}, "created anew"));
    await liveUntil(life, () => tasks(life).length === 2 && toldAll(life)());
    expect(world.effects).toContain("up/2/Upgrade");
  });

  it("A30 takes the place of an upgrade that waits to be confirmed, and is the one that is", async () => {
    const world = newWorld();
    const life = await begin(world);
    life.uplink.isNegotiated = false;
    for (const name of ["first", "second"]) {
      life.jobs.take(frame(name, { requireConfirmation: true }));
      await liveUntil(life, () => tasks(life).some((t) => t.order.name === name && t.state === "confirming"));
    }
    await expect(life.jobs.confirmations.confirm()).resolves.toBe("second");
    await liveUntil(life, toldAll(life));
    expect(world.effects).not.toContain("first/1/BackUp");
    expect(tasks(life)).toHaveLength(1);
  });

  it("is kept in memory while the store takes nothing, once however often it comes", async () => {
    const world = newWorld();
    const life = await begin(world, { options: { maxTasks: 1 } });
    life.uplink.isNegotiated = false;
    const put = jest.spyOn(life.store.records, "put").mockRejectedValue(new StoreError("FULL", "no room"));
    life.jobs.take(frame("up", {}));
    life.jobs.take(frame("up", {}));
    life.jobs.take(frame("another", {}));
    await settle(life);
    expect(tasks(life)).toEqual([]);
    put.mockRestore();
    await liveUntil(life, toldAll(life));
    expect(world.runs).toHaveLength(4);
    const metrics = await life.registry.metrics();
    expect(metrics).toContain('{kind="NodeUpgradeJob",outcome="accepted"} 1');
    expect(metrics).toContain('{kind="NodeUpgradeJob",outcome="refused"} 1');
  });

  it("goes on after a restart without another frame", async () => {
    const world = newWorld();
    world.restarting.add("Upgrade");
    const first = await begin(world);
    first.uplink.isNegotiated = false;
    first.jobs.take(frame("up", {}));
    await liveUntil(first, () => false);
    await end(first);
    const second = await begin(world);
    second.uplink.isNegotiated = false;
    await liveUntil(second, toldAll(second));
    expect(world.frames.map(({ content }) => (content as ActionReport).action)).toEqual([
      "Check",
      "WaitingConfirmation",
      "BackUp",
      "Upgrade",
    ]);
  });

  it("is not taken for another node, or when there is no room, and that is counted", async () => {
    const world = newWorld();
    const life = await begin(world, { options: { maxTasks: 0 } });
    life.jobs.take(frame("up", {}));
    life.jobs.take({
      ...frame("up", {}),
      route: { group: "taskmanager", operation: "Check", resource: "x/y/z" },
    });
    await settle(life);
    expect(tasks(life)).toEqual([]);
    const metrics = await life.registry.metrics();
    expect(metrics).toContain('longshore_agent_jobs_orders_total{kind="NodeUpgradeJob",outcome="refused"} 1');
    expect(metrics).toContain('longshore_agent_jobs_orders_total{kind="unknown",outcome="refused"} 1');
  });
});
