// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ordersOf, type TaskReport } from "../../src/node-job/index.ts";
import { bench, cluster, names, node, report, stored, UPGRADE_STEPS, type Bench } from "./gen.ts";

const OLD = { edgeVersion: "v1.20.1" };
type Kind = "NodeUpgradeJob" | "ImagePrePullJob";

const started = (kind: Kind, change: Parameters<typeof bench>[0] = {}): Bench => {
  const rollout = bench({ kind, nodeNames: names(1), tolerate: 1, ...change }, [node("n01", OLD)]);
  rollout.settle();
  return rollout;
};
const orders = (rollout: Bench): string[] =>
  ordersOf(rollout.job.kind, rollout.status?.nodeStatus ?? [], cluster(rollout.nodes)).map(
    ({ kind, salt }) => `${kind} ${salt}`,
  );
const event = (word: string, reason = ""): TaskReport => {
  const [name = "", action = ""] = word.split("/");
  return { nodeName: "n01", attempt: 1, event: name, action, log: reason };
};
const tell = (rollout: Bench, ...words: string[]): string => {
  for (const word of words) {
    rollout.reports = [event(word, word.endsWith("Failure") ? "no luck" : "")];
    rollout.settle();
    rollout.status = rollout.status && stored(rollout.status);
  }
  return rollout.task("n01").phase;
};

describe("an edge up to 1.20", () => {
  it.each([
    {
      kind: "NodeUpgradeJob",
      steps: [
        ["upgrade Init", "Init/Success"],
        ["upgrade Checking", "Check/Success"],
        ["upgrade BackingUp", "Backup/Success"],
        ["upgrade Upgrading", "Upgrade/Success"],
      ],
      flow: ["Check", "BackUp", "Upgrade"],
    },
    {
      kind: "ImagePrePullJob",
      steps: [
        ["prepull Init", "Init/Success"],
        ["prepull Checking", "Check/Success"],
        ["prepull Pulling", "Pull/Success"],
      ],
      flow: ["Check", "Pull"],
    },
  ] as const)("is ordered a $kind state by state, each once", ({ kind, steps, flow }) => {
    const rollout = started(kind);
    for (const [order, answer] of steps) {
      expect(orders(rollout)).toEqual([order]);
      tell(rollout, answer, answer);
    }
    expect(orders(rollout)).toEqual([]);
    expect(rollout.task("n01")).toMatchObject({ phase: "Successful", state: "Successful" });
    expect(rollout.task("n01").actionFlow?.map(({ action }) => action)).toEqual(flow);
    expect(rollout.status).toMatchObject({ phase: "Completed", state: "Successful", action: "Success" });
  });

  it.each([
    { after: ["Init/Failure"], reason: "no luck" },
    { after: ["Init/Success", "Check/Failure"], reason: "no luck" },
    { after: ["Init/Success", "Check/Success", "Backup/Failure"], reason: "no luck" },
    { after: ["Init/Success", "Check/Success", "Backup/Success", "Upgrade/Failure"], reason: "no luck" },
    {
      after: ["Init/Success", "Check/Success", "Backup/Success", "Rollback/Success"],
      reason: "the node was rolled back",
    },
    {
      after: ["Init/Success", "Check/Success", "Backup/Success", "Rollback/Failure"],
      reason: "no luck (rolling back failed too: no luck)",
    },
    { after: ["Init/Success", "TimeOut/Failure"], reason: "no luck" },
    { after: ["Rollback/Success"], reason: "the node was rolled back" },
  ])("has failed after $after", ({ after, reason }) => {
    const rollout = started("NodeUpgradeJob");
    expect(tell(rollout, ...after)).toBe("Failure");
    expect(rollout.task("n01")).toMatchObject({ reason, state: "Failed" });
  });

  it.each([["Upgrade/Success"], ["Upgrading/Success"]])("is done at once where it says %s first", (word) => {
    expect(tell(started("NodeUpgradeJob"), word)).toBe("Successful");
  });

  it.each([["Check/Success"], ["Pull/Success"], ["Backup/Failure"], ["Reboot/Success"], ["Init/Maybe"]])(
    "is still in its first state after %s, which does not belong there",
    (word) => {
      const rollout = started("NodeUpgradeJob");
      const before = rollout.status;
      rollout.reports = [event(word)];
      rollout.settle();
      expect(rollout.status).toBe(before);
    },
  );

  it("is not believed about another state than it was ordered", () => {
    const rollout = started("NodeUpgradeJob");
    rollout.reports = [{ ...event("Init/Success"), state: "Upgrading" }];
    rollout.settle();
    expect(orders(rollout)).toEqual(["upgrade Init"]);
  });

  it("waits for its confirmation as long as it takes, and upgrades then", () => {
    const rollout = started("NodeUpgradeJob", { requireConfirmation: true });
    tell(rollout, "Confirm/Confirmation");
    expect(rollout.condition("AwaitingConfirmation")).toBe("True Waiting");
    rollout.nowMs += 3_600_000;
    rollout.settle();
    expect(orders(rollout)).toEqual(["upgrade Init"]);
    expect(tell(rollout, "Upgrade/Success")).toBe("Successful");
  });

  it("goes on in the words it began with when it comes back newer: it is not ordered the job again", () => {
    const rollout = started("NodeUpgradeJob");
    tell(rollout, "Init/Success", "Check/Success", "Backup/Success");
    rollout.nodes = [node("n01", { edgeVersion: "v1.23.0" })];
    rollout.settle();
    expect(orders(rollout)).toEqual(["upgrade Upgrading"]);
    rollout.reports = [{ ...report("n01", "Upgrade"), fromVersion: "v1.20.1", toVersion: "v1.23.0" }];
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "Successful", currentVersion: "v1.23.0" });
  });

  it("is told of as the hub keeps it: all its steps, and the last event with its reason", () => {
    const rollout = started("NodeUpgradeJob");
    tell(rollout, "Init/Success", "Check/Success", "Backup/Success");
    const actions = [...UPGRADE_STEPS.slice(0, 1), "BackUp", "!Upgrade", "RollBack"];
    rollout.reports = [{ ...report("n01", ...actions), event: "Rollback", action: "Success" }];
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({
      ...{ phase: "Failure", event: "Rollback", state: "Failed" },
      reason: "Upgrade went wrong (the node was rolled back)",
    });
    expect(rollout.task("n01").actionFlow?.map(({ action }) => action)).toEqual([
      "Check",
      "BackUp",
      "Upgrade",
      "RollBack",
    ]);
  });

  it("that was silent may still tell how it ended", () => {
    const rollout = started("ImagePrePullJob");
    tell(rollout, "Init/Success", "Check/Success");
    rollout.nowMs += 300_000;
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "Unknown", state: "Pulling", event: "TimeOut" });
    expect(orders(rollout)).toEqual([]);
    expect(tell(rollout, "Pull/Success")).toBe("Successful");
  });
});

describe("an edge from 1.21 on", () => {
  it.each([
    { kind: "NodeUpgradeJob", order: "nodeupgradejob " },
    { kind: "ImagePrePullJob", order: "imageprepulljob " },
    { kind: "ConfigUpdateJob", order: "configupdatejob " },
  ] as const)("is ordered a $kind once, in one order", ({ kind, order }) => {
    for (const edgeVersion of ["v1.21.0", "v1.23.1", "", "unknown", "0.1.0-longshore"].slice(0, 4)) {
      const rollout = bench({ kind, nodeNames: names(1) }, [node("n01", { edgeVersion })]);
      rollout.settle();
      expect(orders(rollout)).toEqual([order]);
      rollout.reports = [report("n01", "Check")];
      rollout.settle();
      expect(orders(rollout)).toEqual([order]);
    }
  });
});
