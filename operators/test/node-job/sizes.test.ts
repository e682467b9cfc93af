// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Task } from "../../src/node-job/index.ts";
import { isStorable, sizesFor } from "../../src/node-job/sizes.ts";
import { bench, names, node, report, stored, UPGRADE_STEPS } from "./gen.ts";

const flow = UPGRADE_STEPS.map((action) => ({
  ...{ action, status: "True" as const, time: "2026-01-01T00:00:00Z" },
}));
const full = (change: Partial<Task>): Task => ({
  ...{
    nodeName: "n01",
    phase: "Successful",
    attempt: 1,
    startTime: "2026-01-01T00:00:00Z",
    actionFlow: flow,
  },
  ...{ historicVersion: "v1.22.0", currentVersion: "v1.23.0", state: "Successful", log: "l".repeat(4_096) },
  ...change,
});
const long = (change: Partial<Task>): Task =>
  full({
    ...{ phase: "Failure", reason: "r".repeat(2_048), progress: "p".repeat(256) },
    imageStatus: Array.from({ length: 500 }, (_, at) => ({
      image: `i:${at}`,
      status: "False",
      reason: "x".repeat(1_024),
    })),
    ...change,
  });
const charsOf = (task: Task): number => JSON.stringify(task).length;

describe("what is kept of a node", () => {
  it("is all of it in a small job", () => {
    const task = full({ reason: "r".repeat(2_048) });
    expect(sizesFor(10).fit(task)).toEqual(task);
  });

  it("is neither steps nor log of one that succeeded, beyond 1,000 nodes", () => {
    expect(sizesFor(1_000).fit(full({ log: "short" }))).toEqual(full({ log: "short" }));
    expect(sizesFor(1_001).fit(full({}))).toEqual({
      ...{ nodeName: "n01", phase: "Successful", attempt: 1 },
      ...{ historicVersion: "v1.22.0", currentVersion: "v1.23.0" },
    });
    const failed = full({ phase: "Failure", log: "tail", reason: "r".repeat(500) });
    expect(sizesFor(1_001).fit(failed)).toMatchObject({
      actionFlow: flow,
      log: "tail",
      reason: "r".repeat(120),
    });
  });

  it.each([1, 10, 100, 1_000, 5_000, 10_000])("fits a share of what etcd takes, of %i nodes", (total) => {
    const { fit } = sizesFor(total);
    for (const phase of ["Failure", "Unknown", "Successful", "Pending"] as const)
      expect(charsOf(fit(long({ phase }))) * total).toBeLessThan(1_500_000);
    expect(fit(long({}))).toMatchObject({ nodeName: "n01", phase: "Failure", attempt: 1 });
  });

  it("is the end of a log, and what a node at work needs to go on", () => {
    const { log = "" } = sizesFor(400).fit(full({ phase: "Failure", log: `${"x".repeat(4_000)}the end` }));
    expect(log.endsWith("the end")).toBe(true);
    const atWork = sizesFor(10_000).fit(
      long({ phase: "InProgress", lastReportTime: "2026-01-01T00:00:00Z", state: "Checking" }),
    );
    expect(atWork).toMatchObject({
      ...{ startTime: "2026-01-01T00:00:00Z", lastReportTime: "2026-01-01T00:00:00Z", state: "Checking" },
      actionFlow: flow,
    });
  });

  it("is the same when it is fitted again", () => {
    for (const total of [10, 1_000, 10_000])
      for (const phase of ["Failure", "InProgress", "Successful"] as const) {
        const { fit } = sizesFor(total);
        const once = fit(long({ phase }));
        expect(fit(once)).toEqual(once);
      }
  });

  it("is enough for 10,000 nodes with usual names, and not with the longest", () => {
    expect(isStorable(names(10_000))).toBe(true);
    expect(isStorable(names(10_000).map((name) => name.padEnd(253, "x")))).toBe(false);
  });
});

describe("a job over 10,000 nodes", () => {
  const ALL = names(10_000);
  const facts = ALL.map((name) => node(name));
  const rollout = bench({ nodeNames: ALL, concurrency: 1_000, tolerate: 1 }, facts);
  rollout.decide();
  rollout.decide();

  it("stays below what etcd takes, to its end", () => {
    let most = 0;
    for (let wave = 0; wave < 10; wave++) {
      const running = (rollout.status?.nodeStatus ?? []).filter(({ phase }) => phase === "InProgress");
      rollout.reports = running.map(({ nodeName }, at) => ({
        ...report(nodeName, ...(at % 10 === 0 ? ["!Check"] : UPGRADE_STEPS)),
        ...{ fromVersion: "v1.22.0", toVersion: "v1.23.0", log: "l".repeat(4_096) },
      }));
      rollout.decide();
      most = Math.max(most, JSON.stringify(rollout.status).length);
    }
    expect(rollout.status).toMatchObject({ phase: "Completed", summary: { done: 9_000, failed: 1_000 } });
    expect(most).toBeLessThan(1_500_000);
  });

  it("is decided in little time, with 100 reports that are new", () => {
    const large = bench({ nodeNames: ALL, concurrency: 1_000, tolerate: 1 }, facts);
    large.decide();
    large.decide();
    large.status = large.status && stored(large.status);
    const status = large.status;
    const startTimes: number[] = [];
    for (let round = 0; round < 15; round++) {
      large.status = status;
      large.reports = ALL.slice(0, 1_000).map((name, at) =>
        at < 100 ? report(name, "Check", "WaitingConfirmation") : { nodeName: name, attempt: 1 },
      );
      const began = process.cpuUsage().user;
      large.decide();
      startTimes.push((process.cpuUsage().user - began) / 1_000);
    }
    expect(Math.min(...startTimes)).toBeLessThan(20);
  });
});
