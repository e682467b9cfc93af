// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { matchesSelector, type LabelSelector } from "@longshore/crds/apps";
import { configUpdateJob } from "../../../src/config-update-job/index.ts";
import { imagePrePullJob } from "../../../src/image-prepull-job/index.ts";
import type { JobStatus, Task } from "../../../src/node-job/index.ts";
import { restMs } from "../../../src/node-job/shell/pace.ts";
import { createStatusShape } from "../../../src/node-job/shell/status-shape.ts";
import { createTrim } from "../../../src/node-job/shell/stored-job.ts";
import { nodeUpgradeJob } from "../../../src/node-upgrade-job/index.ts";
import { names, prePull, upgrade } from "./specs.ts";

const metadata = { name: "j", uid: "u", resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z" };
const statusOf = (phase: JobStatus["phase"], ...tasks: Task["phase"][]): JobStatus => ({
  ...{ phase, sequence: "5" },
  summary: { total: 2, done: 1, failed: 1, running: 0, pending: 0, offline: 0, superseded: 0 },
  nodeStatus: tasks.map((one, i) => ({ nodeName: `edge-${i}`, phase: one, attempt: 1 })),
});

const refused: JobStatus = { phase: "Failure", sequence: "5" };

describe("what is kept of a job", () => {
  const trim = createTrim(nodeUpgradeJob);
  const trimmed = (status?: JobStatus, annotations: Record<string, string> = {}) =>
    trim({ metadata: { ...metadata, annotations }, spec: upgrade(names(2)), status } as never);

  it.each([
    { of: "one that is not accepted", status: undefined, isEnded: false },
    { of: "one at work", status: statusOf("InProgress", "InProgress", "Pending"), isEnded: false },
    {
      of: "one that failed while a node is at work",
      status: statusOf("Failure", "InProgress"),
      isEnded: false,
    },
    { of: "one that completed", status: statusOf("Completed", "Successful", "Failure"), isEnded: true },
    { of: "one that failed", status: statusOf("Failure", "Failure", "Pending"), isEnded: true },
    { of: "a refused one", status: refused, isEnded: true },
    {
      of: "one that KubeEdge ended",
      status: { phase: "Failure", nodeStatus: [{ nodeName: "a" }] } as never,
      isEnded: true,
    },
    { of: "one that an old KubeEdge ended", status: { state: "Successful" } as never, isEnded: true },
  ])("is nothing about nodes of $of: $isEnded", ({ status, isEnded }) => {
    const { job, ...kept } = trimmed(status);
    expect(kept.isEnded).toBe(isEnded);
    expect(kept.status?.nodeStatus).toEqual(isEnded ? undefined : status?.nodeStatus);
    expect(job.nodeNames).toEqual(isEnded ? [] : names(2));
    expect(kept.status?.summary).toEqual(status?.summary);
  });

  it("is all of it again when nodes that failed are to try again", () => {
    const status = statusOf("Failure", "Successful", "Failure");
    const { isEnded, status: kept } = trimmed(status, { "longshore.io/attempt": "2" });
    expect([isEnded, kept]).toEqual([false, status]);
  });

  it("is all of it again when nodes that never began are to, be it that all others succeeded late", () => {
    const status = statusOf("Failure", "Successful", "Pending");
    expect(trimmed(status).isEnded).toBe(true);
    expect(trimmed(status, { "longshore.io/attempt": "2" })).toMatchObject({ isEnded: false, status });
  });

  it("gives a task at work the same order whatever is asked for of the others by now", () => {
    const [before, after] = [trimmed(), trimmed(undefined, { "longshore.io/attempt": "2", note: "x" })];
    expect(after.orderDigest(1, "")).toBe(before.orderDigest(1, ""));
    expect(after.orderDigest(2, "")).not.toBe(before.orderDigest(1, ""));
    expect(after.orderDigest(1, "Checking")).not.toBe(after.orderDigest(1, "BackingUp"));
  });

  it.each([
    { spec: {}, want: { concurrency: 1, timeoutMs: 300_000, tolerate: 0.1, requireConfirmation: false } },
    {
      spec: { concurrency: 0, timeoutSeconds: 0, failureTolerate: "many", requireConfirmation: true },
      want: { concurrency: 1, timeoutMs: 300_000, tolerate: 0.1, requireConfirmation: true },
    },
    {
      spec: { concurrency: 7, timeoutSeconds: 60, failureTolerate: "0", requireConfirmation: true },
      want: { concurrency: 7, timeoutMs: 60_000, tolerate: 0, requireConfirmation: true },
    },
  ])("reads $spec with the defaults", ({ spec, want }) => {
    const given = { version: "v1.23.1", nodeNames: ["a"], ...spec };
    expect(trim({ metadata, spec: given } as never).job).toMatchObject(want);
  });

  it.each([
    {
      adapter: nodeUpgradeJob,
      spec: { version: "v1.0.0;touch /tmp/p", nodeNames: ["a"] },
      says: "spec.version",
    },
    {
      adapter: nodeUpgradeJob,
      spec: { version: "v1.0.0", image: "a/b$(id)", nodeNames: ["a"] },
      says: "spec.image",
    },
    { adapter: imagePrePullJob, spec: {}, says: "imagePrePullTemplate is missing" },
    { adapter: imagePrePullJob, spec: prePull(["a"], { images: ["a b"] }), says: "images[0]" },
    {
      adapter: configUpdateJob,
      spec: { nodeNames: ["a"], updateFields: { "modules.edged.enable": "x;reboot" } },
      says: "updateFields",
    },
  ])("S9 S10 finds what admission did not refuse: $says", ({ adapter, spec, says }) => {
    const { faults = [] } = createTrim(adapter)({ metadata, spec } as never).job;
    expect(faults.join()).toContain(says);
    expect(faults.join()).not.toContain("reboot");
  });
});

describe("which job makes which needless", () => {
  const config = createTrim(configUpdateJob);
  const setting = (...keys: string[]) => {
    const updateFields = Object.fromEntries(keys.map((key) => [key, "1"]));
    return config({ metadata, spec: { nodeNames: ["a"], updateFields } } as never).job;
  };
  it.each([
    { later: ["modules.a"], earlier: ["modules.a"], is: true },
    { later: ["modules.a", "modules.b"], earlier: ["modules.a"], is: true },
    { later: ["modules.a"], earlier: ["modules.a", "modules.b"], is: false },
    { later: ["modules.b"], earlier: ["modules.a"], is: false },
  ])("E10 a change of $later instead of one of $earlier: $is", ({ later, earlier, is }) => {
    expect(configUpdateJob.supersedes?.(setting(...later), setting(...earlier))).toBe(is);
  });

  it("E10 any later upgrade, and no pull", () => {
    const { job } = createTrim(nodeUpgradeJob)({ metadata, spec: upgrade(["a"]) } as never);
    expect(nodeUpgradeJob.supersedes?.(job, job)).toBe(true);
    expect(imagePrePullJob.supersedes).toBeUndefined();
  });
});

describe("a label selector", () => {
  const labels = { zone: "a", "node-role.kubernetes.io/edge": "" };
  it.each<[object, boolean]>([
    [{}, true],
    [{ matchLabels: { "node-role.kubernetes.io/edge": "" } }, true],
    [{ matchLabels: { zone: "b" } }, false],
    [{ matchLabels: { constructor: "a" } }, false],
    [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }] }, true],
    [{ matchExpressions: [{ key: "none", operator: "In", values: ["a"] }] }, false],
    [{ matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] }, false],
    [{ matchExpressions: [{ key: "none", operator: "NotIn", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "toString", operator: "Exists" }] }, false],
    [{ matchExpressions: [{ key: "zone", operator: "DoesNotExist" }] }, false],
    [{ matchExpressions: [{ key: "zone", operator: "Gt", values: ["0"] }] }, false],
  ])("%j selects: %j", (selector, is) => {
    expect(matchesSelector(selector as LabelSelector, labels)).toBe(is);
  });
});

describe("how often a status is written", () => {
  it.each([
    { nodes: 1, perSecond: 1, ms: 1000 },
    { nodes: 1000, perSecond: 10, ms: 100 },
    { nodes: 10_000, perSecond: 10, ms: 10_000 },
  ])("of $nodes nodes: after $ms ms", ({ nodes, perSecond, ms }) => {
    expect(restMs(nodes, { statusWritesPerSecond: perSecond })).toBe(ms);
  });
});

describe("the status that is written", () => {
  const task = {
    nodeName: "a",
    phase: "InProgress",
    attempt: 1,
    currentVersion: "v1",
    state: "Pulling",
    event: "",
  } as const;
  it.each([
    { kind: "NodeUpgradeJob", keeps: ["currentVersion", "state", "event"] },
    { kind: "ImagePrePullJob", keeps: ["state", "event"] },
    { kind: "ConfigUpdateJob", keeps: [] },
  ] as const)("has of $kind only what its schema knows", ({ kind, keeps }) => {
    const shaped = createStatusShape(kind)({ phase: "InProgress", nodeStatus: [task] });
    const more = Object.keys(shaped.nodeStatus?.[0] ?? {}).filter(
      (key) => !["nodeName", "phase", "attempt"].includes(key),
    );
    expect(more.sort()).toEqual([...keeps].sort());
  });
});
