// SPDX-License-Identifier: Apache-2.0
import { formatTaskResource, type ActionReport } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { StoreError } from "../../src/store/index.ts";
import { describe, expect, it, jest } from "@jest/globals";
import { begin, end, newWorld, tasks, toldAll } from "./lives.ts";
import { liveUntil, settle } from "./world.ts";

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
