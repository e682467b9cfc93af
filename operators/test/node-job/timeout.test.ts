// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ordersOf } from "../../src/node-job/index.ts";
import { bench, cluster, names, node, report, START_MS, type Bench } from "./gen.ts";

const started = (change: Parameters<typeof bench>[0] = {}): Bench => {
  const rollout = bench({ nodeNames: names(1), tolerate: 1, ...change });
  rollout.settle();
  return rollout;
};
const at = (rollout: Bench, seconds: number): string => {
  rollout.nowMs = START_MS + seconds * 1_000;
  rollout.settle();
  return rollout.task("n01").phase;
};

describe("a node of which nothing is heard", () => {
  it("is Unknown after the timeout, in KubeEdge's words, and counts as failed", () => {
    const rollout = started({ tolerate: 0 });
    expect(at(rollout, 299)).toBe("InProgress");
    expect(rollout.decide().recheckMs).toBe(1_000);
    expect(at(rollout, 300)).toBe("Unknown");
    expect(rollout.task("n01")).toMatchObject({
      reason: "The node task has timed out",
      startTime: "2026-01-01T00:00:00Z",
    });
    expect(rollout.status).toMatchObject({ phase: "Failure", summary: { failed: 1 } });
  });

  it.each([
    { clock: "right", time: "2026-01-01T00:04:10Z" },
    { clock: "slow by half a century", time: "1970-01-01T00:00:00Z" },
    { clock: "fast by a thousand years", time: "3026-01-01T00:00:00Z" },
    { clock: "no clock", time: "noon" },
  ])("has the timeout from its last step on, be its clock $clock", ({ time }) => {
    const rollout = started();
    rollout.nowMs = START_MS + 250_000;
    rollout.reports = [{ ...report("n01"), actions: [{ action: "Check", status: "True", time }] }];
    rollout.settle();
    expect(rollout.task("n01").actionFlow).toEqual([{ action: "Check", status: "True", time }]);
    expect(at(rollout, 549)).toBe("InProgress");
    expect(at(rollout, 551)).toBe("Unknown");
  });

  it("is not kept at work by the same step told again and again", () => {
    const rollout = started();
    rollout.reports = [report("n01", "Check")];
    for (let seconds = 10; seconds < 310; seconds += 50) expect(at(rollout, seconds)).toBe("InProgress");
    rollout.reports = [{ ...report("n01", "Check"), progress: "still there" }];
    expect(at(rollout, 311)).toBe("Unknown");
  });

  it("is not kept for ever by a leader whose clock was wrong", () => {
    const rollout = started();
    rollout.nowMs = START_MS - 30 * 86_400_000; // the next leader is right
    rollout.settle();
    expect(at(rollout, -30 * 86_400 + 301)).toBe("Unknown");
  });

  it("A30 has all the time it takes while it waits for its confirmation", () => {
    const rollout = started({ requireConfirmation: true });
    rollout.reports = [report("n01", "Check", "WaitingConfirmation")];
    expect(at(rollout, 10)).toBe("InProgress");
    expect(rollout.condition("AwaitingConfirmation")).toBe("True Waiting");
    expect(at(rollout, 3_600)).toBe("InProgress");
    rollout.reports = [report("n01", "Check", "WaitingConfirmation", "BackUp")];
    expect(at(rollout, 3_610)).toBe("InProgress");
    expect(rollout.condition("AwaitingConfirmation")).toBe("False Confirmed");
    expect(at(rollout, 3_911)).toBe("Unknown");
  });

  it("A30 has no more time for a confirmation than others when its Node is gone: nobody is left to confirm", () => {
    const rollout = started({ requireConfirmation: true });
    rollout.reports = [report("n01", "Check", "WaitingConfirmation")];
    expect(at(rollout, 10)).toBe("InProgress");
    rollout.nodes = [];
    expect([at(rollout, 309), at(rollout, 311)]).toEqual(["InProgress", "Unknown"]);
    expect(rollout.status?.phase).toBe("Completed");
  });

  it("has no more time for a confirmation that nobody asked for", () => {
    const rollout = started();
    rollout.reports = [report("n01", "Check", "WaitingConfirmation")];
    expect([at(rollout, 10), at(rollout, 311)]).toEqual(["InProgress", "Unknown"]);
  });
});

describe("a node that its order never reached", () => {
  it("waits again after the timeout, and comes after those that were not tried yet", () => {
    const rollout = bench({ nodeNames: names(3), tolerate: 0 });
    rollout.settle();
    rollout.unreached = new Set(["n01"]);
    rollout.nowMs += 300_000;
    rollout.settle();
    expect(rollout.phases()).toBe("Pending,InProgress,Pending");
    expect(rollout.task("n01")).toEqual({
      ...{ nodeName: "n01", phase: "Pending", attempt: 1, state: "Init" },
      reason: "the node was not reached in time: it begins when it is back",
    });
    expect(
      ordersOf("NodeUpgradeJob", rollout.status?.nodeStatus ?? [], cluster(rollout.nodes)),
    ).toMatchObject([{ node: "n02" }]);
    rollout.unreached = new Set();
    rollout.reports = [report("n02", "Check", "WaitingConfirmation", "BackUp", "Upgrade")];
    rollout.settle();
    expect(rollout.phases()).toBe("Pending,Successful,InProgress");
  });

  it("is Unknown where it told of a step: then it was reached", () => {
    const rollout = started();
    rollout.reports = [report("n01", "Check")];
    rollout.settle();
    rollout.unreached = new Set(["n01"]);
    expect(at(rollout, 301)).toBe("Unknown");
  });
});

describe("a node that another controller had begun", () => {
  it("is given its timeout from now on, and is ordered nothing", () => {
    const rollout = bench(
      { nodeNames: names(2), tolerate: 1 },
      names(2).map((name) => node(name)),
    );
    rollout.status = {
      phase: "InProgress",
      nodeStatus: [
        { nodeName: "n01", phase: "InProgress", attempt: 1 },
        { nodeName: "n02", phase: "Successful", attempt: 1 },
      ],
    };
    rollout.settle();
    expect(ordersOf("NodeUpgradeJob", rollout.status.nodeStatus ?? [], cluster(rollout.nodes))).toEqual([]);
    expect(rollout.status.sequence).toBe("100");
    expect([at(rollout, 299), at(rollout, 301)]).toEqual(["InProgress", "Unknown"]);
    expect(rollout.status).toMatchObject({ phase: "Completed", summary: { done: 1, failed: 1 } });
  });
});
