// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../runtime/eventually.ts";
import { DEPLOYMENTS, deployment, groupTargets, startBench, type Bench, type Room } from "./bench.ts";

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

const counted = (
  calls: readonly { readonly verb: string; readonly kind: string; readonly subresource?: string }[],
) => {
  const counts: Record<string, number> = {};
  for (const { verb, kind, subresource } of calls) {
    const what = [verb, kind, subresource].filter((part) => part !== undefined).join(" ");
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
};

describe("what an application costs", () => {
  it("one apply for each of 300 objects, none in the steady state, 100 for a change of one manifest", async () => {
    const targets = Array.from({ length: 100 }, (_, i) => `g${i}`);
    const manifests = ["one", "two", "three"].map((name) => deployment(name));
    room.start({ statusEveryMs: 1000 });
    await room.createApp("big", { workloadScope: groupTargets(...targets), workloadTemplate: { manifests } });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toHaveLength(300), 60_000);
    let calls = room.takeCalls();
    await eventually(() => {
      const more = room.takeCalls();
      calls = [...calls, ...more];
      expect(counted(calls)["apply EdgeApplication status"]).toBeGreaterThan(0);
    });
    const made = counted(calls);
    expect(made).toMatchObject({ "get Deployment": 300, "apply Deployment": 300 });
    await room.quiet(2500);

    await room.patchApp("big", {
      workloadTemplate: { manifests: [deployment("one", "nginx:2"), ...manifests.slice(1)] },
    });
    let changed: ReturnType<typeof room.takeCalls> = [];
    await eventually(() => {
      changed = [...changed, ...room.takeCalls()];
      expect(counted(changed)["apply EdgeApplication status"]).toBeGreaterThan(0);
    }, 30_000);
    expect(counted(changed)["apply Deployment"]).toBe(100);
    expect(counted(changed)["get Deployment"]).toBeUndefined();
  }, 120_000);

  it("the status of 2,000 targets in which nothing works has room in the store", async () => {
    const patch = [{ op: "remove", path: "/spec/nothing" }] as never;
    const targetNodeGroups = Array.from({ length: 2000 }, (_, i) => ({
      name: `a-group-with-a-longer-name-${String(i).padStart(4, "0")}`,
      overriders: { patchOverriders: [{ type: "json" as const, patch }] },
    }));
    const manifests = ["one", "two"].map((name) => deployment(`a-workload-with-a-longer-name-${name}`));
    room.start();
    await room.createApp("huge", { workloadScope: { targetNodeGroups }, workloadTemplate: { manifests } });
    await eventually(async () => expect((await room.app("huge")).status?.summary?.groups).toBe(2000), 60_000);
    expect(await room.conditions("huge")).toMatchObject({
      ...{ Ready: "False ObjectFailed", OverridesValid: "False OverrideFailed" },
    });
  }, 120_000);

  it("fifty changes of pods in a second are few writes of the status", async () => {
    room.start({ statusEveryMs: 1000, settleMs: 300 });
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [deployment("web", "nginx", { replicas: 50 })] },
    });
    await eventually(async () => expect(await room.workloads("shop")).toHaveLength(1));
    await room.quiet(1500);
    const startMs = Date.now();
    for (let ready = 1; ready <= 50; ready++) {
      const status = { replicas: 50, readyReplicas: ready, availableReplicas: ready, updatedReplicas: 50 };
      await room.client.patch(
        DEPLOYMENTS,
        room.named("web-a"),
        { type: "merge", body: { status: { ...status, observedGeneration: 1 } } },
        { subresource: "status" },
      );
    }
    await eventually(async () =>
      expect((await room.app("shop")).status?.summary).toMatchObject({ available: 50 }),
    );
    const seconds = Math.ceil((Date.now() - startMs) / 1000);
    const { "apply EdgeApplication status": writes = 0, ...others } = counted(room.takeWrites());
    expect(others).toEqual({});
    expect(writes).toBeLessThanOrEqual(seconds + 1);
    expect((await room.condition("shop", "Available"))?.status).toBe("True");
  });
});
