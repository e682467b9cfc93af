// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ordersOf } from "../../src/node-job/index.ts";
import { bench, cluster, names, node, report, stored, UPGRADE_STEPS, type Bench } from "./gen.ts";

const LABELS = { "node-role.kubernetes.io/edge": "", "node-role.kubernetes.io/agent": "" };

/** Nodes at work tell how it ended, until nothing is at work any more. */
function run(rollout: Bench, failing: readonly string[], rounds = 40): void {
  for (let round = 0; round < rounds; round++) {
    rollout.nowMs += 10_000;
    const running = (rollout.status?.nodeStatus ?? []).filter(({ phase }) => phase === "InProgress");
    for (const { nodeName } of running)
      rollout.reports.push({
        ...report(nodeName, ...(failing.includes(nodeName) ? ["!Check"] : UPGRADE_STEPS)),
        ...{ fromVersion: "v1.22.0", toVersion: "v1.23.0" },
      });
    rollout.settle();
  }
}

const mostAtWork = ({ history }: Bench): number =>
  Math.max(
    ...history.map(({ nodeStatus = [] }) => nodeStatus.filter(({ phase }) => phase === "InProgress").length),
  );

describe("a fleet job", () => {
  it("A26 upgrades 10 nodes, never more than 2 at a time, and tells every step and both versions", () => {
    const change = { nodeNames: [], labelSelector: { matchLabels: LABELS }, concurrency: 2, tolerate: 0.3 };
    const rollout = bench(
      change,
      names(10).map((name) => node(name)),
    );
    expect(rollout.decide().status).toMatchObject({ phase: "Init", summary: { total: 10, pending: 10 } });
    rollout.settle();
    expect(rollout.status).toMatchObject({ phase: "InProgress", summary: { running: 2, pending: 8 } });
    run(rollout, []);
    expect(mostAtWork(rollout)).toBe(2);
    expect(rollout.status).toMatchObject({
      ...{ phase: "Completed", currentVersion: "v1.23.0", historicVersion: "v1.22.0" },
      summary: { total: 10, done: 10, failed: 0, running: 0, pending: 0, offline: 0 },
    });
    expect(rollout.condition("Complete")).toBe("True Completed");
    for (const task of rollout.status?.nodeStatus ?? []) {
      expect(task).toMatchObject({
        phase: "Successful",
        historicVersion: "v1.22.0",
        currentVersion: "v1.23.0",
      });
      expect(task.actionFlow?.map(({ action, status }) => `${action} ${status}`)).toEqual(
        UPGRADE_STEPS.map((step) => `${step} True`),
      );
    }
  });

  it.each([
    { failures: 3, phase: "Completed", reason: undefined, failed: "False Completed" },
    {
      ...{ failures: 4, phase: "Failure", failed: "True ToleranceExceeded" },
      reason: "the number of failed nodes is 4/10, which exceeds the failure tolerance threshold",
    },
  ])("A27 is $phase where $failures of 10 nodes fail and 0.3 are tolerated", ({ failures, ...want }) => {
    const rollout = bench({ nodeNames: names(10), tolerate: 0.3 });
    rollout.settle();
    run(rollout, names(failures));
    expect(rollout.status).toMatchObject({ phase: want.phase });
    expect(rollout.status?.reason).toBe(want.reason);
    expect(rollout.condition("Failed")).toBe(want.failed);
  });

  it("A27 begins no node after the one that crossed the tolerance, and lets those at work finish", () => {
    const rollout = bench({ nodeNames: names(10), tolerate: 0.3, concurrency: 5 });
    rollout.settle();
    rollout.reports = names(4).map((name) => report(name, "!Check"));
    rollout.settle();
    expect(
      rollout
        .phases()
        .split(",")
        .filter((phase) => phase === "InProgress"),
    ).toHaveLength(1);
    expect(rollout.condition("Progressing")).toBe("True Stopped");
    run(rollout, []);
    expect(rollout.status).toMatchObject({ phase: "Failure", summary: { done: 1, failed: 4, pending: 5 } });
    expect(rollout.condition("Progressing")).toBe("False Stopped");
  });

  it("A32 keeps a node that is away among those that wait, without a slot, and begins it once when it is back", () => {
    const rollout = bench({ nodeNames: names(2) }, [node("n01", { isReady: false }), node("n02")]);
    rollout.settle();
    expect(rollout.phases()).toBe("Pending,InProgress");
    rollout.reports = [report("n02", ...UPGRADE_STEPS)];
    rollout.settle();
    expect(rollout.status).toMatchObject({
      phase: "InProgress",
      summary: { done: 1, pending: 1, offline: 1 },
    });
    expect(rollout.condition("Progressing")).toBe("False Waiting");
    expect(ordersOf("NodeUpgradeJob", rollout.status?.nodeStatus ?? [], cluster(rollout.nodes))).toEqual([]);

    rollout.nowMs += 2 * 3_600_000; // two hours, and a leader that knows nothing but what is stored
    rollout.status = rollout.status && stored(rollout.status);
    rollout.nodes = [node("n01"), node("n02")];
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Successful");
    rollout.reports = [report("n01", ...UPGRADE_STEPS), report("n01", ...UPGRADE_STEPS)];
    rollout.settle();
    expect(rollout.status?.phase).toBe("Completed");
    const begun = rollout.history.map(({ nodeStatus = [] }) => nodeStatus[0]?.phase === "InProgress");
    expect(begun.filter((is, index) => is && begun[index - 1] !== true)).toHaveLength(1);
  });

  it("E10 goes on with the nodes that are there, and leaves a late node to the newest job alone", () => {
    const away = new Set(["n08", "n09", "n10"]);
    const old = bench({ nodeNames: names(10), concurrency: 10 });
    old.nodes = names(10).map((name) => node(name, { isReady: !away.has(name) }));
    old.settle();
    run(old, []);
    expect(old.status).toMatchObject({ phase: "InProgress", summary: { done: 7, pending: 3, offline: 3 } });

    const newer = bench({ name: "newer", uid: "uid-newer", sequence: "200", nodeNames: names(10) });
    newer.settle();
    const { name, sequence } = newer.job;
    const phaseOf = (of: string): "Pending" | undefined => (names(10).includes(of) ? "Pending" : undefined);
    old.rivals = [{ name, sequence, supersedes: true, phaseOf }];
    old.nodes = names(10).map((each) => node(each)); // and the late ones are back at the same moment
    old.settle();
    expect(old.status).toMatchObject({
      phase: "Completed",
      summary: { total: 10, done: 7, failed: 0, pending: 0 },
    });
    expect(old.task("n09")).toMatchObject({ phase: "Failure", supersededBy: "newer" });
    expect(old.history.flatMap(({ nodeStatus = [] }) => nodeStatus.slice(7)).some(isAtWork)).toBe(false);
  });
});

const isAtWork = ({ phase }: { readonly phase: string }): boolean => phase === "InProgress";
