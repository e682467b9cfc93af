// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Rival, TaskPhase } from "../../src/node-job/index.ts";
import { bench, names, report } from "./gen.ts";

const rival = (sequence: string, phases: Record<string, TaskPhase>, change: Partial<Rival> = {}): Rival => ({
  ...{ name: `job-${sequence}`, sequence, supersedes: false, phaseOf: (node: string) => phases[node] },
  ...change,
});

describe("other jobs of the same kind", () => {
  it.each([
    { what: "an older one that is to begin there", with: rival("99", { n01: "Pending" }), begins: "n02" },
    { what: "an older one at work there", with: rival("99", { n01: "InProgress" }), begins: "n02" },
    { what: "a later one at work there", with: rival("101", { n01: "InProgress" }), begins: "n02" },
    { what: "an older one that is done there", with: rival("99", { n01: "Successful" }), begins: "n01" },
    {
      what: "an older one that ended without it",
      with: rival("99", { n01: "Pending" }, { isEnded: true }),
      begins: "n01",
    },
    { what: "a later one that is to begin there", with: rival("101", { n01: "Pending" }), begins: "n01" },
    {
      what: "one whose sequence is greater by a digit",
      with: rival("1000", { n01: "Pending" }),
      begins: "n01",
    },
  ])("$what: $begins begins first", ({ with: other, begins }) => {
    const rollout = bench({ nodeNames: names(2), concurrency: 1 });
    rollout.rivals = [other];
    rollout.settle();
    expect(rollout.task(begins).phase).toBe("InProgress");
  });

  it.each([
    { there: "InProgress", begins: "n02" },
    { there: "Pending", begins: "n01" },
  ] as const)("of another kind, $there, change the agent too: $begins begins first", ({ there, begins }) => {
    const rollout = bench({ nodeNames: names(2), concurrency: 1 });
    rollout.rivals = [rival("99", { n01: there }, { isOtherKind: true })];
    rollout.settle();
    expect(rollout.task(begins).phase).toBe("InProgress");
  });

  it("do not get in the way of pulls of images", () => {
    const rollout = bench({ kind: "ImagePrePullJob", nodeNames: names(1) });
    rollout.rivals = [rival("99", { n01: "InProgress" })];
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress");
  });

  it("take over the nodes that have not begun, where they are later and make this one needless", () => {
    const rollout = bench({ nodeNames: names(4), concurrency: 1 });
    rollout.settle();
    const all = { n01: "Pending", n02: "Pending", n03: "Pending" } as const;
    rollout.rivals = [
      rival("101", all, { supersedes: true, isEnded: true }),
      rival("99", {}, { supersedes: true }),
    ];
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Failure,Failure,Pending");
    expect(rollout.task("n02")).toMatchObject({
      supersededBy: "job-101",
      reason: "superseded by the later job job-101: nothing was done here",
    });
    expect(rollout.status?.summary).toMatchObject({
      ...{ total: 4, done: 0, failed: 0, running: 1, pending: 1, superseded: 2 },
    });
    expect(rollout.condition("Failed")).toBe("False InProgress");
  });

  it("keep what they took over, also when this one tries again", () => {
    const rollout = bench({ nodeNames: names(1), concurrency: 1 });
    rollout.decide();
    rollout.rivals = [rival("101", { n01: "Successful" }, { supersedes: true })];
    rollout.settle();
    expect(rollout.status?.phase).toBe("Completed");
    rollout.job = { ...rollout.job, attempt: 2 };
    rollout.settle();
    expect([rollout.phases(), rollout.status?.phase]).toEqual(["Failure", "Completed"]);
  });
});

describe("another attempt", () => {
  const failed = (): ReturnType<typeof bench> => {
    const rollout = bench({ nodeNames: names(4), concurrency: 2, tolerate: 0.3 });
    rollout.settle();
    rollout.reports = ["n01", "n02"].map((nodeName) => ({
      ...{ nodeName, attempt: 1, actions: [{ action: "Check", status: "False" as const, reason: "disk" }] },
    }));
    rollout.settle();
    return rollout;
  };

  it("begins the nodes that failed and those that never began, under its number, and the job again", () => {
    const rollout = failed();
    expect([rollout.phases(), rollout.status?.phase]).toEqual(["Failure,Failure,Pending,Pending", "Failure"]);
    rollout.job = { ...rollout.job, attempt: 2 };
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,InProgress,Pending,Pending");
    expect(rollout.task("n01")).toMatchObject({ attempt: 2 });
    expect(rollout.task("n01").actionFlow).toBeUndefined();
    expect(rollout.status).toMatchObject({ phase: "InProgress" });
    expect(rollout.status?.reason).toBeUndefined();
    expect([rollout.condition("Failed"), rollout.condition("Complete")]).toEqual([
      "False InProgress",
      "False InProgress",
    ]);
  });

  it("is not ended by what was told of the one before", () => {
    const rollout = failed();
    rollout.job = { ...rollout.job, attempt: 2 };
    rollout.settle();
    rollout.settle(); // the old reports are there still
    expect(rollout.phases()).toBe("InProgress,InProgress,Pending,Pending");
  });

  it("keeps its number for nodes that wait for it, also when the annotation is lowered or gone", () => {
    const rollout = bench({ nodeNames: names(2), tolerate: 1 });
    rollout.settle();
    rollout.reports = [report("n01", "!Check")];
    rollout.settle();
    rollout.job = { ...rollout.job, attempt: 2 };
    rollout.settle();
    expect([rollout.phases(), rollout.task("n01").attempt]).toEqual(["Pending,InProgress", 2]);
    rollout.job = { ...rollout.job, attempt: 1 };
    rollout.reports = [report("n02", "!Check")];
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "InProgress", attempt: 2 });
  });

  it("leaves alone what succeeded", () => {
    const rollout = bench({ nodeNames: names(1) });
    rollout.settle();
    rollout.reports = [{ nodeName: "n01", attempt: 1, actions: [{ action: "Upgrade", status: "True" }] }];
    rollout.settle();
    const before = rollout.status;
    rollout.job = { ...rollout.job, attempt: 3 };
    rollout.settle();
    expect(rollout.status).toBe(before);
  });
});
