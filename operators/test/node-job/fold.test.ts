// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { JobKind } from "@longshore/crds/tasks";
import fc from "fast-check";
import type { TaskReport } from "../../src/node-job/index.ts";
import { bench, names, node, report, START_MS, stored, UPGRADE_STEPS, type Bench } from "./gen.ts";

const started = (change: Parameters<typeof bench>[0] = {}): Bench => {
  const rollout = bench({ nodeNames: names(1), tolerate: 1, ...change });
  rollout.settle();
  return rollout;
};
const flowOf = (rollout: Bench): string =>
  (rollout.task("n01").actionFlow ?? [])
    .map(({ action, status }) => `${status === "True" ? "" : "!"}${action}`)
    .join();

describe("what a node told", () => {
  it.each([
    { kind: "NodeUpgradeJob", steps: ["Check"], phase: "InProgress" },
    { kind: "NodeUpgradeJob", steps: ["!Check"], phase: "Failure", reason: "Check went wrong" },
    { kind: "NodeUpgradeJob", steps: ["Check", "WaitingConfirmation"], phase: "InProgress" },
    { kind: "NodeUpgradeJob", steps: UPGRADE_STEPS, phase: "Successful" },
    {
      kind: "NodeUpgradeJob",
      steps: ["Check", "WaitingConfirmation", "BackUp", "!Upgrade"],
      phase: "InProgress",
    },
    {
      ...{
        kind: "NodeUpgradeJob",
        phase: "Failure",
        reason: "Upgrade went wrong (the node was rolled back)",
      },
      steps: ["Check", "WaitingConfirmation", "BackUp", "!Upgrade", "RollBack"],
    },
    {
      ...{ kind: "NodeUpgradeJob", phase: "Failure" },
      steps: ["Check", "WaitingConfirmation", "BackUp", "!Upgrade", "!RollBack"],
      reason: "Upgrade went wrong (rolling back failed too: RollBack went wrong)",
    },
    { kind: "ImagePrePullJob", steps: ["Check", "Pull"], phase: "Successful" },
    { kind: "ImagePrePullJob", steps: ["Check", "!Pull"], phase: "Failure", reason: "Pull went wrong" },
    { kind: "ConfigUpdateJob", steps: ["Check", "BackUp", "Update"], phase: "Successful" },
    { kind: "ConfigUpdateJob", steps: ["Check", "!BackUp"], phase: "Failure", reason: "BackUp went wrong" },
    { kind: "ConfigUpdateJob", steps: ["Check", "BackUp", "!Update"], phase: "InProgress" },
  ] as const)("makes a task of $kind $phase after $steps", ({ kind, steps, phase, ...want }) => {
    const rollout = started({ kind: kind as JobKind });
    rollout.reports = [report("n01", ...steps)];
    rollout.settle();
    expect(rollout.task("n01").phase).toBe(phase);
    expect(rollout.task("n01").reason).toBe("reason" in want ? want.reason : undefined);
  });

  it("comes in any order, twice or with holes, and reads the same in the end", () => {
    const prefixes = [1, 2, 3, 4].map((count) => report("n01", ...UPGRADE_STEPS.slice(0, count)));
    const [one, two, three, four] = prefixes as [TaskReport, TaskReport, TaskReport, TaskReport];
    for (const order of [
      [two, one, three],
      [three, one, two, one],
      [report("n01", "BackUp", "Check"), two],
    ]) {
      const rollout = started();
      for (const told of [...order, four]) {
        rollout.reports = [told];
        rollout.settle();
      }
      expect([rollout.task("n01").phase, flowOf(rollout)]).toEqual(["Successful", UPGRADE_STEPS.join()]);
    }
  });

  it("reads the same from any reports of some of its steps that come in any order, once the last has come", () => {
    const some = fc.shuffledSubarray(UPGRADE_STEPS);
    fc.assert(
      fc.property(fc.array(some, { maxLength: 8 }), (told) => {
        const rollout = started();
        for (const steps of [...told, UPGRADE_STEPS]) {
          rollout.reports = [report("n01", ...steps)];
          rollout.decide();
        }
        const { phase, actionFlow = [] } = rollout.task("n01");
        const flow = actionFlow.map(({ action }) => UPGRADE_STEPS.indexOf(action));
        expect(phase).toBe("Successful");
        expect(flow).toEqual([...new Set(flow)].sort());
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    { when: "of a node that is none of the job's", told: report("n77", ...UPGRADE_STEPS) },
    { when: "of another attempt", told: { ...report("n01", ...UPGRADE_STEPS), attempt: 2 } },
    { when: "of steps that nobody knows", told: report("n01", "Reboot", "!Explode") },
    { when: "of nothing", told: { nodeName: "n01", attempt: 1 } },
  ])("changes nothing where it is $when", ({ told }) => {
    const rollout = started();
    const before = rollout.status;
    rollout.reports = [told];
    expect(rollout.decide()).toMatchObject({ isChanged: false, events: [] });
    expect(rollout.status).toBe(before);
  });

  it("cannot move a task that has ended", () => {
    const rollout = started();
    rollout.reports = [report("n01", "!Check")];
    rollout.settle();
    rollout.reports = [report("n01", ...UPGRADE_STEPS)];
    rollout.settle();
    expect([rollout.task("n01").phase, flowOf(rollout)]).toEqual(["Failure", "!Check"]);
  });

  it("says how a silent node ended after all", () => {
    const rollout = started();
    rollout.nowMs += 300_000;
    rollout.settle();
    expect(rollout.task("n01").phase).toBe("Unknown");
    const { phase, conditions } = rollout.status ?? {};
    rollout.reports = [report("n01", "Check")];
    rollout.settle();
    expect([rollout.task("n01").phase, flowOf(rollout)]).toEqual(["Unknown", "Check"]);
    rollout.reports = [report("n01", ...UPGRADE_STEPS)];
    rollout.settle();
    expect(rollout.task("n01").phase).toBe("Successful");
    expect(rollout.task("n01").reason).toBeUndefined();
    expect(rollout.status?.summary).toMatchObject({ done: 1, failed: 0 });
    expect([phase, conditions?.length]).toEqual([rollout.status?.phase, 4]); // the job has ended once
  });

  it("is kept of a node that waits for its turn, which goes first when a slot is free", () => {
    const rollout = bench({ nodeNames: names(3), tolerate: 1 });
    rollout.settle();
    rollout.reports = [report("n03", "Check")];
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Pending,Pending");
    expect(rollout.task("n03").actionFlow).toHaveLength(1);
    rollout.reports.push(report("n01", "!Check"));
    rollout.settle();
    expect(rollout.phases()).toBe("Failure,Pending,InProgress");
    rollout.reports = [report("n02", ...UPGRADE_STEPS)];
    rollout.settle();
    expect(rollout.phases()).toBe("Failure,Successful,InProgress");
  });

  it("has the time of its folding where the edge gave none, and keeps it", () => {
    const rollout = started({ kind: "ConfigUpdateJob" });
    rollout.nowMs = START_MS + 90_000;
    rollout.reports = [{ nodeName: "n01", attempt: 1, actions: [{ action: "Check", status: "True" }] }];
    rollout.settle();
    rollout.nowMs += 60_000;
    rollout.settle();
    expect(rollout.task("n01").actionFlow).toEqual([
      { action: "Check", status: "True", time: "2026-01-01T00:01:30Z" },
    ]);
  });

  it("brings images, log, progress and versions, of which progress ends with the task", () => {
    const rollout = started({ kind: "ImagePrePullJob" });
    const images = [
      { image: "a:1", status: "True" },
      { image: "b:1", status: "False", reason: "no such image" },
    ];
    rollout.reports = [{ ...report("n01", "Check"), progress: "1 of 2 images" }];
    expect(rollout.decide().isChanged).toBe(true);
    rollout.reports = [{ ...report("n01", "Check"), progress: "2 of 2 images" }];
    expect(rollout.decide()).toMatchObject({ isChanged: false, status: { phase: "InProgress" } });
    expect(rollout.task("n01").progress).toBe("2 of 2 images");
    rollout.reports = [{ ...report("n01", "Check", "!Pull"), images, log: "tail", toVersion: "v1.23.0" }];
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "Failure", imageStatus: images, log: "tail" });
    expect(rollout.task("n01").progress).toBeUndefined();
  });

  it("is no news when it comes again, as the API server gives it back", () => {
    const rollout = started();
    rollout.reports = [
      { ...report("n01", "Check", "WaitingConfirmation"), progress: "waits", fromVersion: "v1.22.0" },
    ];
    rollout.settle();
    rollout.status = rollout.status && stored(rollout.status);
    const before = rollout.status;
    rollout.nowMs += 5_000;
    expect(rollout.decide()).toMatchObject({ isChanged: false, events: [] });
    expect(rollout.status).toBe(before);
  });

  it("is of the attempt that the order carried, where another one was asked for on its way", () => {
    const rollout = started();
    rollout.job = { ...rollout.job, attempt: 2 };
    rollout.reports = [{ ...report("n01", ...UPGRADE_STEPS), attempt: 2 }];
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "Successful", attempt: 2 });
  });
});

describe("events", () => {
  it("tell of start, steps and end of each node", () => {
    const rollout = bench({ nodeNames: names(1) }, [node("n01")]);
    const reasons = (): string[] => rollout.decide().events.map(({ type, reason }) => `${type} ${reason}`);
    expect(reasons()).toEqual(["Normal Accepted"]);
    expect(reasons()).toEqual(["Normal NodeStarted"]);
    rollout.reports = [report("n01", "Check")];
    expect(reasons()).toEqual(["Normal StepSucceeded"]);
    rollout.reports = [report("n01", "Check", "WaitingConfirmation", "!BackUp")];
    expect(reasons()).toEqual([
      ...["Normal StepSucceeded", "Warning StepFailed", "Warning NodeFailed"],
      ...["Warning ToleranceExceeded", "Warning Failed"],
    ]);
    expect(reasons()).toEqual([]);
  });

  it("name their node and step, so that two nodes that fail alike are two events", () => {
    const rollout = bench({ nodeNames: names(2), concurrency: 2 });
    rollout.settle();
    rollout.reports = names(2).map((name) => report(name, "!Check"));
    const about = rollout
      .decide()
      .events.flatMap(({ reason, node: name, step = "" }) =>
        name === undefined ? [] : [`${reason} ${name} ${step}`.trim()],
      );
    expect(about).toEqual([
      ...["StepFailed n01 Check", "NodeFailed n01", "StepFailed n02 Check", "NodeFailed n02"],
    ]);
  });

  it("are few, however many nodes tell something at once", () => {
    const rollout = bench({ nodeNames: names(500), concurrency: 500 });
    rollout.decide();
    const { events } = rollout.decide();
    expect(events).toHaveLength(25);
    expect(events.at(-1)?.message).toContain("476 more events");
  });

  it("leave out steps and nodes that went well before what went wrong, and never the end of the job", () => {
    const rollout = bench({ nodeNames: names(500), concurrency: 500 });
    rollout.settle();
    rollout.reports = names(500).map((name, index) =>
      report(name, ...(index < 497 ? UPGRADE_STEPS : ["!Check"])),
    );
    const events = rollout.decide().events.map(({ reason }) => reason);
    expect(events).toHaveLength(25);
    expect(events.filter((reason) => reason === "NodeFailed")).toHaveLength(3);
    expect(events.slice(-2)).toEqual(["Completed", "MoreHappened"]);
    expect(events).not.toContain("StepSucceeded");
  });
});
