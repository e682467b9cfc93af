// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  apply,
  begin,
  end,
  newWorld,
  prepare,
  pull,
  reportOf,
  tasks,
  toldAll,
  upgrade,
  UPGRADED,
  withdraw,
} from "./lives.ts";
import { gate, liveUntil, settle, stepsOf } from "./world.ts";

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
    const first = prepare(world, { connected: false });
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
    const life = prepare(world);
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
    const second = prepare(world, { options });
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
