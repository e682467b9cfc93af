// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Condition } from "../../../src/runtime/index.ts";
import type { WorkloadFacts } from "../../../src/edge-application/apply/facts.ts";
import type { Observed, ObservedChild } from "../../../src/edge-application/status/observed.ts";
import { isSameStatus, statusOf } from "../../../src/edge-application/status/status.ts";

const NOW = "2026-01-01T00:00:00Z";
const LATER = "2026-01-01T00:01:00Z";

const facts = (desired: number, available: number, upToDate = desired): WorkloadFacts => ({
  ...{ isObserved: true, desired, available, upToDate },
  ...{ isAvailable: available === desired, isServing: available >= desired },
});

const child = (name: string, more: Partial<ObservedChild> = {}): ObservedChild => ({
  ref: { group: "apps", kind: "Deployment", namespace: "ns", name },
  ...{
    version: "v1",
    resource: "deployments",
    ordinal: 0,
    exists: true,
    isApplied: true,
    facts: facts(2, 2),
  },
  ...more,
});

const target = (name: string, isMissing = false) => ({ name, nodes: 3, readyNodes: 2, isMissing });

const observed = (more: Partial<Observed> = {}): Observed => ({
  ...{ generation: 4, namespace: "ns", spec: {}, children: [child("web-a", { target: "a" })], faults: [] },
  ...{ scopeFaults: [], pruneFaults: [], targets: [target("a")], rolloutConditions: [] },
  ...more,
});

const conditionsIn = (of: Observed): Record<string, string> => {
  const { conditions = [] } = statusOf(of, undefined, NOW);
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
};

const manifests = (...list: Record<string, unknown>[]): Observed["spec"] => ({
  workloadTemplate: { manifests: list },
});
const web = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } };

describe("the conditions of an application", () => {
  it("tell what changes nothing, which is no fault", () => {
    const notes = ["x: no container is called a", "y", "z", "w"];
    const { conditions = [] } = statusOf(observed({ notes }), undefined, NOW);
    expect(conditions.find(({ type }) => type === "OverridesValid")).toMatchObject({
      ...{ status: "True", reason: "Valid" },
      message: "every manifest fits every target; x: no container is called a; y; z; and 1 more",
    });
    expect(conditions.find(({ type }) => type === "Ready")).toMatchObject({ status: "True" });
  });

  it.each<{ when: string; of: Observed; want: Record<string, string> }>([
    {
      when: "all is as it should be",
      of: observed(),
      want: {
        Ready: "True Ready",
        Available: "True Available",
        Progressing: "False Finished",
        OverridesValid: "True Valid",
      },
    },
    {
      when: "pods are not ready yet",
      of: observed({ children: [child("web-a", { facts: facts(2, 1) })] }),
      want: { Ready: "False Progressing", Available: "False Unavailable", Progressing: "False Finished" },
    },
    {
      when: "pods are being replaced, and enough of them serve",
      of: observed({ children: [child("web-a", { facts: { ...facts(2, 2, 1), isServing: true } })] }),
      want: { Ready: "False Progressing", Available: "True Available", Progressing: "True Rendered" },
    },
    {
      when: "the status of a workload is of an older spec",
      of: observed({ children: [child("web-a", { facts: { ...facts(2, 2), isObserved: false } })] }),
      want: { Ready: "False Progressing", Progressing: "True Rendered" },
    },
    {
      when: "an object was refused",
      of: observed({
        children: [child("web-a"), child("bad-a", { exists: false, isApplied: false, fault: "no" })],
      }),
      want: {
        Ready: "False ObjectFailed",
        Available: "False Unavailable",
        Progressing: "False ObjectFailed",
      },
    },
    {
      when: "an object was refused while another changes",
      of: observed({
        children: [
          child("web-a", { facts: facts(2, 2, 0) }),
          child("bad-a", { isApplied: false, fault: "no" }),
        ],
      }),
      want: { Ready: "False ObjectFailed", Progressing: "True Rendered" },
    },
    {
      when: "a manifest does not fit",
      of: observed({ faults: [{ ordinal: 0, message: "no" }] }),
      want: {
        Ready: "False ObjectFailed",
        OverridesValid: "False OverrideFailed",
        Available: "True Available",
      },
    },
    {
      when: "the scope does not fit",
      of: observed({ scopeFaults: ["no"] }),
      want: { Ready: "False ObjectFailed", OverridesValid: "False OverrideFailed" },
    },
    {
      when: "something could not be deleted",
      of: observed({ pruneFaults: ["no"] }),
      want: { Ready: "False ObjectFailed", OverridesValid: "True Valid" },
    },
    {
      when: "a group is missing",
      of: observed({ targets: [target("a", true)] }),
      want: { Ready: "False GroupMissing", OverridesValid: "True Valid" },
    },
    {
      when: "a rollout is paused",
      of: observed({
        rolloutConditions: [{ type: "Paused", status: "True", reason: "Paused", message: "held" }],
      }),
      want: { Ready: "False Held", Paused: "True Paused" },
    },
    {
      when: "a rollout goes on",
      of: observed({
        rolloutConditions: [
          { type: "RolledOut", status: "False", reason: "InProgress", message: "batch 1 of 2" },
        ],
      }),
      want: { Ready: "False Progressing", RolledOut: "False InProgress" },
    },
    {
      when: "there is nothing to make",
      of: observed({ children: [], targets: [] }),
      want: { Ready: "True Ready", Available: "True Available", Progressing: "False Finished" },
    },
  ])("are right when $when", ({ of, want }) => expect(conditionsIn(of)).toMatchObject(want));

  it("name the first faults and count the rest, within the limit of the schema", () => {
    const faults = Array.from({ length: 40 }, (_, i) => ({ ordinal: 0, message: `${i} ${"x".repeat(600)}` }));
    const { conditions = [] } = statusOf(observed({ faults }), undefined, NOW);
    const message = conditions.find(({ type }) => type === "OverridesValid")?.message ?? "";
    expect(message).toMatch(/^0 x.*; and 37 more$/);
    expect(message.length).toBeLessThanOrEqual(1024);
  });

  it("keep the time of their last flip and those of others, and lose those of a rollout that is over", () => {
    const rolling = observed({
      rolloutConditions: [{ type: "RolledOut", status: "True", reason: "Completed", message: "" }],
    });
    const first = statusOf(rolling, undefined, NOW);
    const foreign: Condition = {
      ...{ type: "Theirs", status: "True", reason: "R", message: "", lastTransitionTime: NOW },
    };
    const old = { ...first, conditions: [...(first.conditions ?? []), foreign] };
    const { conditions = [] } = statusOf(observed({ generation: 5 }), old, LATER);
    expect(conditions.map(({ type, lastTransitionTime }) => `${type} ${lastTransitionTime}`).sort()).toEqual(
      ["Available", "OverridesValid", "Progressing", "Ready", "Theirs"].map((type) => `${type} ${NOW}`),
    );
    expect(conditions.find(({ type }) => type === "Ready")?.observedGeneration).toBe(5);
  });
});

describe("workloadStatus", () => {
  it("lists objects by manifest and name, with KubeEdge's words", () => {
    const of = observed({
      spec: manifests(web, web, web),
      children: [
        child("web-b", { ordinal: 1 }),
        child("web-a", { ordinal: 1, facts: facts(2, 0) }),
        child("conf", {
          ...{ ordinal: 2, ref: { group: "", kind: "ConfigMap", namespace: "ns", name: "conf" } },
          ...{ resource: "configmaps", facts: undefined as never },
        }),
      ],
    });
    const { workloadStatus = [] } = statusOf(of, undefined, NOW);
    expect(workloadStatus.map(({ identifier: i, conditions }) => [i.ordinal, i.name, conditions])).toEqual([
      [0, undefined, "Processing"],
      [1, "web-a", "Processing"],
      [1, "web-b", "Available"],
      [2, "conf", "Available"],
    ]);
    expect(workloadStatus[1]?.identifier).toEqual({
      ...{ ordinal: 1, group: "apps", version: "v1", kind: "Deployment", resource: "deployments" },
      ...{ namespace: "ns", name: "web-a" },
    });
  });

  it.each([
    {
      when: "the whole manifest cannot be read",
      fault: { ordinal: 0, message: "no" },
      want: { ordinal: 0 },
    },
    {
      when: "it fails for one target",
      fault: { ordinal: 0, target: "a", message: "no" },
      want: { ordinal: 0, group: "apps", version: "v1", kind: "Deployment", namespace: "ns", name: "web-a" },
    },
    {
      when: "it fails for one version",
      fault: { ordinal: 0, target: "a", version: "v2", message: "no" },
      want: {
        ordinal: 0,
        group: "apps",
        version: "v1",
        kind: "Deployment",
        namespace: "ns",
        name: "web-a-v2",
      },
    },
  ])("names a fault by its place when $when", ({ fault, want }) => {
    const of = observed({ spec: manifests(web), children: [], faults: [fault] });
    expect(statusOf(of, undefined, NOW).workloadStatus).toEqual([
      { identifier: want, conditions: "Processing", message: "no" },
    ]);
  });

  it("shortens messages beyond the first fifty and leaves out those beyond 500, so that it can be stored", () => {
    const children = Array.from({ length: 1000 }, (_, i) =>
      child(`w${String(i).padStart(4, "0")}`, { fault: "x".repeat(5000) }),
    );
    const status = statusOf(observed({ children }), undefined, NOW);
    const lengths = (status.workloadStatus ?? []).map(({ message = "" }) => message.length);
    expect(lengths.slice(0, 50).every((length) => length === 1024)).toBe(true);
    expect(lengths.slice(50, 500).every((length) => length === 120)).toBe(true);
    expect(lengths.slice(500).every((length) => length === 0)).toBe(true);
    expect(lengths).toHaveLength(1000);
  });

  it("leaves out what is available when there is no room for all, and the rest tells in its order", () => {
    const longName = (i: number): string => `${"w".repeat(200)}${String(i).padStart(4, "0")}`;
    const children = Array.from({ length: 5000 }, (_, i) =>
      child(longName(i), i % 5 === 0 ? { fault: "no" } : {}),
    );
    const entries = statusOf(observed({ children }), undefined, NOW).workloadStatus ?? [];
    expect(JSON.stringify(entries).length).toBeLessThan(700_000);
    expect(entries.filter(({ conditions }) => conditions === "Processing")).toHaveLength(1000);
    const names = entries.map(({ identifier }) => identifier.name ?? "");
    expect(names).toEqual([...names].sort());
    expect(entries.length).toBeGreaterThan(1500);
  });

  it("says of 200 targets why they do not work, and counts of all", () => {
    const targets = Array.from({ length: 300 }, (_, i) => target(`g${i}`, true));
    const told = statusOf(observed({ targets }), undefined, NOW).targets ?? [];
    expect(told).toHaveLength(300);
    expect(told.filter(({ message }) => message !== undefined)).toHaveLength(200);
  });
});

describe("counts", () => {
  it("are of each target and of all, and take what was not applied for old", () => {
    const of = observed({
      children: [
        child("web-a", { target: "a" }),
        child("api-a", { target: "a", isApplied: false }),
        child("web-b", { target: "b", facts: facts(3, 1, 2) }),
        child("once"),
      ],
      targets: [{ ...target("b", true), revision: "r1" }, target("a")],
    });
    const { summary, targets } = statusOf(of, undefined, NOW);
    expect(summary).toEqual({ groups: 2, desired: 9, available: 7, upToDate: 6 });
    expect(targets).toEqual([
      { name: "a", nodes: 3, readyNodes: 2, desired: 4, available: 4, upToDate: 2 },
      {
        ...{ name: "b", revision: "r1", nodes: 3, readyNodes: 2, desired: 3, available: 1, upToDate: 2 },
        message: "there is no NodeGroup b",
      },
    ]);
  });
});

it("a status is the same whatever the order of its fields, and another when the rollout is gone", () => {
  const status = statusOf(observed({ rollout: { phase: "Completed" } }), undefined, NOW);
  const turned = Object.fromEntries(Object.entries(status).reverse());
  expect(isSameStatus(turned, status)).toBe(true);
  expect(isSameStatus(status, statusOf(observed(), status, LATER))).toBe(false);
});
