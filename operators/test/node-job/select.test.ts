// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { bench, names, node } from "./gen.ts";

describe("the nodes of a job", () => {
  it.each([
    { when: "is not there", nodes: [], reason: 'failed to get node, err: Node "n01" not found' },
    {
      when: "is none of ours",
      nodes: [node("n01", { isEdge: false })],
      reason: "the node is not an edge node",
    },
  ])("fail where a named one $when", ({ nodes, reason }) => {
    const rollout = bench({ nodeNames: names(1) }, nodes);
    rollout.decide();
    expect(rollout.task("n01")).toMatchObject({ phase: "Failure", reason });
    rollout.settle();
    expect(rollout.status).toMatchObject({
      ...{ phase: "Failure", summary: { total: 1, failed: 1 } },
      reason: "the number of failed nodes is 1/1, which exceeds the failure tolerance threshold",
    });
  });

  it.each([
    {
      ...{ when: "a selector matches none", change: { nodeNames: [], labelSelector: {} }, nodes: [] },
      ...{ accepted: "False NoNodesSelected", says: "no nodes were matched with selector" },
    },
    {
      ...{ when: "it says neither", change: { nodeNames: [] }, nodes: [node("n01")] },
      ...{ accepted: "False InvalidSpec", says: "nodeNames and nodeSelector cannot both be empty" },
    },
    {
      ...{ when: "it says both", change: { labelSelector: {} }, nodes: [node("n01")] },
      ...{ accepted: "False InvalidSpec", says: "cannot be specified at the same time" },
    },
    {
      ...{ when: "they are more than 10,000", change: { nodeNames: names(10_001) }, nodes: [] },
      ...{ accepted: "False InvalidSpec", says: "split it into several jobs" },
    },
    {
      when: "their names are too long to be stored together",
      ...{ change: { nodeNames: names(9_000).map((name) => `${name}${"x".repeat(200)}`) }, nodes: [] },
      ...{ accepted: "False InvalidSpec", says: "split it into several jobs" },
    },
    {
      ...{ when: "its spec has faults", change: { faults: ["spec.version: invalid version"] }, nodes: [] },
      ...{ accepted: "False InvalidSpec", says: "spec.version: invalid version" },
    },
  ])("are none where $when: the job is refused for good", ({ change, nodes, accepted, says }) => {
    const rollout = bench(change, nodes);
    const { isEnded, events } = rollout.decide();
    expect(rollout.status).toMatchObject({ phase: "Failure", sequence: "100" });
    expect(rollout.status?.reason).toContain(says);
    expect(rollout.condition("Accepted")).toBe(accepted);
    expect(rollout.condition("Failed")).toBe(`True ${accepted.slice(6)}`);
    expect({ isEnded, events: events.map(({ reason }) => reason) }).toEqual({
      isEnded: true,
      events: ["Refused"],
    });
    rollout.nodes = [node("n01")];
    expect(rollout.decide()).toMatchObject({ isChanged: false, isEnded: true });
    expect(rollout.history).toHaveLength(1);
  });

  it("are asked for once: one that comes later is none of them", () => {
    const rollout = bench({ nodeNames: [], labelSelector: {} }, [
      node("n01"),
      node("cloud", { isEdge: false }),
    ]);
    rollout.settle();
    rollout.nodes = [node("n01"), node("n02")];
    rollout.settle();
    expect(rollout.status?.nodeStatus?.map(({ nodeName }) => nodeName)).toEqual(["n01"]);
  });

  it("are each one task, however often they are named", () => {
    const rollout = bench({ nodeNames: ["n01", "n02", "n01"] });
    rollout.settle();
    expect(rollout.status?.nodeStatus).toHaveLength(2);
  });

  it.each([
    { kind: "NodeUpgradeJob", edgeVersion: "v1.15.2", says: "upgrade it by hand (keadm upgrade) to v1.16.0" },
    { kind: "ImagePrePullJob", edgeVersion: "v1.9.0", says: "upgrade it by hand" },
    { kind: "ConfigUpdateJob", edgeVersion: "v1.20.4", says: "upgrade it to v1.21.0 or later first" },
  ] as const)("fail where they run $edgeVersion, which takes no $kind", ({ kind, edgeVersion, says }) => {
    const rollout = bench({ kind, nodeNames: names(2), tolerate: 0.5 }, [
      node("n01", { edgeVersion }),
      node("n02", { edgeVersion, isReady: false }),
    ]);
    rollout.settle();
    expect(rollout.task("n01")).toMatchObject({ phase: "Failure" });
    expect(rollout.task("n01").reason).toContain(says);
    expect(rollout.task("n02").phase).toBe("Pending"); // it may come back newer
  });

  it("fail where they run what can be told no registry to ask for the digest that the job asks for", () => {
    const rollout = bench({ nodeNames: names(2), tolerate: 0.5, asksRegistry: true }, [
      node("n01", { edgeVersion: "v1.20.1" }),
      node("n02", { edgeVersion: "v1.21.0" }),
    ]);
    rollout.settle();
    expect(rollout.phases()).toBe("Failure,InProgress");
    expect(rollout.task("n01").reason).toContain("give imageDigestGatter.amd64 or arm64 in another job");
  });

  it("fail where their Node goes before they began", () => {
    const rollout = bench({ nodeNames: names(2), tolerate: 1 });
    rollout.settle();
    rollout.nodes = [node("n01")];
    rollout.settle();
    expect(rollout.phases()).toBe("InProgress,Failure");
  });
});
