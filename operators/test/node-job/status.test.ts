// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import fc from "fast-check";
import { exceeds } from "../../src/node-job/tolerance.ts";
import { bench, names, node, report, START_MS, stored, UPGRADE_STEPS } from "./gen.ts";

describe("the status of a job", () => {
  it.each(["Completed", "Failure"] as const)("that KubeEdge ended is left as it is: %s", (phase) => {
    const rollout = bench({ nodeNames: names(2), attempt: 1 });
    const status = { phase, nodeStatus: [{ nodeName: "n01", phase: "Failure" as const, attempt: 1 }] };
    rollout.status = status;
    rollout.settle();
    expect(rollout.status).toMatchObject(status);
    rollout.nodes = [];
    expect(rollout.settle()).toMatchObject({ isEnded: true, isChanged: false });
  });

  it("that KubeEdge ended in v1alpha1, without nodes, is not touched", () => {
    const rollout = bench({ kind: "ImagePrePullJob" });
    const status = { state: "Successful" } as never;
    rollout.status = status;
    expect(rollout.decide()).toMatchObject({ isEnded: true, isChanged: false });
    expect(rollout.status).toBe(status);
  });

  it.each([
    { left: "phases", nodes: [{ phase: "Pending" }, { phase: "Successful" }] },
    { left: "states of v1alpha1", nodes: [{ state: "Init" }, { state: "Successful" }] },
  ])("that KubeEdge left at work goes on where it is, in $left", ({ nodes }) => {
    const rollout = bench({ nodeNames: names(2) });
    const nodeStatus = nodes.map((task, index) => ({ nodeName: names(2)[index], ...task }));
    rollout.status = { phase: "InProgress", nodeStatus } as never;
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Successful");
  });

  it("that KubeEdge ended goes on with the nodes that failed when they are to try again", () => {
    const rollout = bench({ nodeNames: names(3), attempt: 2 });
    const phases = ["Failure", "Successful", "Pending"];
    const nodeStatus = phases.map((phase, index) => ({ nodeName: names(3)[index], phase }));
    rollout.status = { phase: "Failure", nodeStatus } as never;
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Successful,Pending");
    expect(rollout.task("n01").attempt).toBe(2);
  });

  it("says in its conditions where it stands, with reasons that are documented", () => {
    const rollout = bench({ nodeNames: names(3), tolerate: 0.4, requireConfirmation: true });
    rollout.nodes = [node("n01"), node("n02", { isReady: false }), node("n03")];
    const told: Record<string, string>[] = [];
    const look = (): void => {
      rollout.settle();
      const { conditions = [] } = rollout.status ?? {};
      for (const { type, reason } of conditions)
        expect(kinds.NodeUpgradeJob.conditions).toHaveProperty(
          [type, "reasons"],
          expect.arrayContaining([reason]),
        );
      told.push(Object.fromEntries(conditions.map(({ type, message }) => [type, message])));
    };
    rollout.decide();
    look();
    rollout.reports = [report("n01", "Check", "WaitingConfirmation")];
    look();
    rollout.reports = [report("n01", ...UPGRADE_STEPS), report("n03", "!Check")];
    look();
    rollout.nodes = names(3).map((name) => node(name));
    rollout.reports.push(report("n02", "!Check"));
    look();
    expect(told.map(({ Progressing }) => Progressing)).toEqual([
      "1 at work (n01), 2 to follow",
      "1 at work (n01), 2 to follow",
      "1 not connected (n02): they begin when they are back",
      "no further node begins; remove the cause, then annotate the job longshore.io/attempt=2",
    ]);
    expect(told[1]?.["AwaitingConfirmation"]).toContain("1 wait (n01); confirm on the node itself");
    expect(told[3]?.["Failed"]).toContain("the number of failed nodes is 2/3");
    expect(told[3]?.["Failed"]).toContain("annotate the job longshore.io/attempt=2");
    expect(told[3]?.["Complete"]).toBe("1 of 3 nodes succeeded, 2 failed");
  });

  it("has the time of a condition from when its status changed, and leaves conditions of others", () => {
    const rollout = bench({ nodeNames: names(1) });
    rollout.settle();
    const other = {
      type: "Audited",
      status: "True",
      reason: "Yes",
      message: "",
      lastTransitionTime: "2020-01-01T00:00:00Z",
    } as const;
    rollout.status = rollout.status && {
      ...rollout.status,
      conditions: [...(rollout.status.conditions ?? []), other],
    };
    rollout.nowMs = START_MS + 60_000;
    rollout.reports = [report("n01", ...UPGRADE_STEPS)];
    rollout.settle();
    const times = Object.fromEntries(
      (rollout.status?.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    expect(times).toEqual({
      ...{
        Accepted: "2026-01-01T00:00:00Z",
        Failed: "2026-01-01T00:00:00Z",
        Audited: "2020-01-01T00:00:00Z",
      },
      ...{ Progressing: "2026-01-01T00:01:00Z", Complete: "2026-01-01T00:01:00Z" },
    });
  });

  it("says in each condition which generation of the job it is about", () => {
    const rollout = bench({ nodeNames: names(1), generation: 3 });
    rollout.settle();
    const { conditions = [] } = rollout.status ?? {};
    expect(new Set(conditions.map(({ observedGeneration }) => observedGeneration))).toEqual(new Set([3]));
  });

  it("is the very one that was stored where nothing is new, and no change where a count alone is", () => {
    const rollout = bench({ nodeNames: names(2) });
    rollout.settle();
    rollout.status = rollout.status && stored(rollout.status);
    const before = rollout.status;
    expect(rollout.decide()).toMatchObject({ isChanged: false, isEnded: false, events: [] });
    expect(rollout.status).toBe(before);
    rollout.nodes = [node("n01"), node("n02", { isReady: false })];
    expect(rollout.decide()).toMatchObject({ isChanged: false, status: { summary: { offline: 1 } } });
    expect(rollout.status).not.toBe(before);
  });

  it("counts images of a pull and fields of a change", () => {
    const pull = bench({ kind: "ImagePrePullJob", images: 3 });
    const change = bench({ kind: "ConfigUpdateJob", fields: ["a", "b"] });
    for (const rollout of [pull, change]) rollout.settle();
    expect([pull.status?.summary?.images, change.status?.summary?.fields]).toEqual([3, 2]);
    expect([pull.status?.state, change.status?.state]).toEqual(["Pulling", undefined]);
  });

  it("asks to be looked at again when the next node is due", () => {
    const rollout = bench({ nodeNames: names(1) });
    expect(rollout.decide().recheckMs).toBe(0);
    rollout.settle();
    rollout.nowMs += 100_000;
    expect(rollout.decide().recheckMs).toBe(200_000);
    rollout.reports = [report("n01", ...UPGRADE_STEPS)];
    expect(rollout.settle().recheckMs).toBeUndefined();
  });
});

describe("the tolerance", () => {
  it.each([
    { failed: 3, total: 10, tolerate: 0.3, is: false },
    { failed: 4, total: 10, tolerate: 0.3, is: true },
    { failed: 57, total: 200, tolerate: 0.28, is: true }, // 0.285 rounds up
    { failed: 57, total: 200, tolerate: 0.29, is: false },
    { failed: 1, total: 3, tolerate: 0.33, is: false },
    { failed: 2, total: 3, tolerate: 0.66, is: true },
    { failed: 1, total: 1000, tolerate: 0, is: false }, // rounds to 0.00, KubeEdge's way
    { failed: 0, total: 5, tolerate: 0, is: false },
    { failed: 5, total: 5, tolerate: 1, is: false },
    { failed: 1, total: 1000, tolerate: Number.NaN, is: true },
    { failed: 0, total: 5, tolerate: Number.NaN, is: false },
  ])("of $tolerate is crossed by $failed of $total: $is", ({ failed, total, tolerate, is }) => {
    expect(exceeds({ tolerate }, failed, total)).toBe(is);
  });

  it("is crossed once, as more nodes fail", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 100 }), (total, cents) => {
        const crossed = Array.from({ length: total + 1 }, (_, failed) =>
          exceeds({ tolerate: cents / 100 }, failed, total),
        );
        expect(crossed).toEqual([...crossed].sort());
        expect(crossed.at(-1)).toBe(cents < 100);
      }),
    );
  });
});
