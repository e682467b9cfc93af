// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO, ZONE, type NodeGroupSpec } from "@longshore/crds/apps";
import { cleared, decide } from "../../src/node-group/decide.ts";
import type { Group } from "../../src/node-group/group.ts";
import { LAST_APPLIED, trimNode, type RawNode } from "../../src/node-group/node.ts";
import { GIVEN, LEFT } from "../../src/node-group/record.ts";
import { group, patched, rawNode, type NodeWish } from "./builders.ts";

const everything: NodeGroupSpec = { matchLabels: {} };
const old = group("old", everything, { creationTimestamp: "2025-01-01T00:00:00Z" });
const young = group("young", everything, { creationTimestamp: "2026-01-01T00:00:00Z" });
const twin = group("a-twin", everything, { creationTimestamp: "2025-01-01T00:00:00Z" });
const given = (name: string): string => JSON.stringify({ group: name });

/** The node as it is when nothing more is to be done. */
function settled(node: RawNode, groups: readonly Group[]): RawNode {
  const after = patched(node, decide(trimNode(node), groups).patch);
  expect(decide(trimNode(after), groups).patch).toBeUndefined();
  return after;
}

describe("the group of a node", () => {
  const cases: readonly [string, NodeWish, readonly Group[], string | undefined, readonly string[]][] = [
    ["none without a group", {}, [], undefined, []],
    ["the only one", {}, [young], "young", []],
    ["the oldest", {}, [young, old], "old", []],
    ["of two of one second, the first by name", {}, [old, twin], "a-twin", []],
    ["the one whose label it has", { labels: { [BELONGING_TO]: "young" } }, [old, young], "young", []],
    ["another when that is gone", { labels: { [BELONGING_TO]: "gone" } }, [old], "old", ["gone"]],
    ["none when that is gone", { labels: { [BELONGING_TO]: "gone" } }, [], undefined, ["gone"]],
    [
      "as before when the label was taken away",
      { annotations: { [GIVEN]: given("young") } },
      [old, young],
      "young",
      [],
    ],
    [
      "as before when the label was set to one that does not want it",
      { labels: { [BELONGING_TO]: "other" }, annotations: { [GIVEN]: given("young") } },
      [old, young],
      "young",
      ["other"],
    ],
    [
      "the one that somebody chose, if that wants it",
      { labels: { [BELONGING_TO]: "old" }, annotations: { [GIVEN]: given("young") } },
      [old, young],
      "old",
      ["young"],
    ],
    [
      "none when nobody wants it any more",
      { annotations: { [GIVEN]: given("young") } },
      [],
      undefined,
      ["young"],
    ],
  ];
  it.each(cases)("is %s", (_, wish, groups, want, left) => {
    const decision = decide(trimNode(rawNode("n", wish)), groups);
    expect({ group: decision.group, left: decision.left }).toEqual({ group: want, left });
    expect(settled(rawNode("n", wish), groups).metadata.labels?.[BELONGING_TO]).toBe(want);
  });

  it("is written with the version that was looked at, and with what it left", () => {
    const node = rawNode("n", { labels: { [BELONGING_TO]: "gone", site: "x" } });
    expect(decide(trimNode(node), []).patch).toEqual({
      metadata: {
        ...{ uid: "uid-n", resourceVersion: "1" },
        labels: { [BELONGING_TO]: null },
        annotations: { [LEFT]: '["gone"]' },
      },
    });
  });

  it("forgets that it left one when it is back, and goes on with the others", () => {
    const node = rawNode("n", { annotations: { [LEFT]: '["old","gone"]' } });
    const decision = decide(trimNode(node), [old]);
    expect(decision.left).toEqual(["gone"]);
    expect(decision.patch?.metadata.annotations?.[LEFT]).toBe('["gone"]');
    expect(cleared(trimNode(node).metadata).metadata.annotations).toEqual({ [LEFT]: null });
  });

  it.each(["", "{", "[]", "7", '{"group":7}', '{"group":""}', "null"])(
    "takes %j for somebody else's text",
    (text) => {
      const node = trimNode(rawNode("n", { annotations: { [GIVEN]: text, [LEFT]: text } }));
      expect(node.given).toBeUndefined();
      expect(node.left).toEqual([]);
    },
  );
});

describe("the zone", () => {
  const zoned = group("z", { matchLabels: {}, topologyEnabled: true });
  const plain = group("z", { matchLabels: {} });

  it("comes with topologyEnabled and goes without", () => {
    const inZone = settled(rawNode("n"), [zoned]);
    expect(inZone.metadata.labels).toEqual({ [BELONGING_TO]: "z", [ZONE]: "z" });
    expect(settled(inZone, [plain]).metadata.labels).toEqual({ [BELONGING_TO]: "z" });
    expect(settled(inZone, []).metadata.labels).toEqual({});
  });

  it("that KubeEdge gave goes too", () => {
    const node = rawNode("n", { labels: { [BELONGING_TO]: "z", [ZONE]: "z" } });
    expect(settled(node, [plain]).metadata.labels).toEqual({ [BELONGING_TO]: "z" });
    expect(settled(settled(node, [zoned]), []).metadata.labels).toEqual({});
  });

  it("of a cloud comes back when the node leaves", () => {
    const node = rawNode("n", { labels: { [ZONE]: "eu-1a" } });
    expect(settled(node, [plain]).metadata.labels).toEqual({ [BELONGING_TO]: "z", [ZONE]: "eu-1a" });
    const inZone = settled(node, [zoned]);
    expect(inZone.metadata.labels).toEqual({ [BELONGING_TO]: "z", [ZONE]: "z" });
    expect(settled(inZone, []).metadata.labels).toEqual({ [ZONE]: "eu-1a" });
  });
});

describe("what a group gives", () => {
  const lifecycle = {
    key: "node.kubernetes.io/unreachable",
    effect: "NoExecute",
    timeAdded: "2026-01-01T00:00:00Z",
  };
  const theirs = { key: "mine", value: "1", effect: "NoSchedule" };
  const template = group("t", {
    matchLabels: {},
    nodeTemplate: {
      labels: { tier: "edge", empty: "" },
      annotations: { note: "hello" },
      taints: [
        { key: "edge", value: "t", effect: "NoSchedule" },
        { key: "mine", value: "2", effect: "NoSchedule" },
      ],
    },
  });
  const before = rawNode("n", {
    labels: { tier: "theirs", os: "linux" },
    annotations: { note: "theirs", [LAST_APPLIED]: "{…}" },
    taints: [lifecycle, theirs],
  });

  it("comes beside what others gave, and takes nothing with it when it goes", () => {
    const member = settled(before, [template]);
    expect(member.metadata.labels).toEqual({ tier: "edge", empty: "", os: "linux", [BELONGING_TO]: "t" });
    expect(member.metadata.annotations).toMatchObject({ note: "hello", [LAST_APPLIED]: "{…}" });
    expect(member.spec?.taints).toEqual([
      lifecycle,
      { key: "edge", value: "t", effect: "NoSchedule" },
      { key: "mine", value: "2", effect: "NoSchedule" },
    ]);
    const after = settled(member, []);
    expect(after.metadata.labels).toEqual(before.metadata.labels);
    expect(after.metadata.annotations).toEqual({ ...before.metadata.annotations, [LEFT]: '["t"]' });
    expect(after.spec?.taints).toEqual([lifecycle, theirs]);
  });

  it("goes when the template drops it, and what was there before is back", () => {
    const member = settled(before, [template]);
    const dropped = group("t", { matchLabels: {}, nodeTemplate: { labels: { empty: "" } } });
    const now = settled(member, [dropped]);
    expect(now.metadata.labels).toEqual({ tier: "theirs", empty: "", os: "linux", [BELONGING_TO]: "t" });
    expect(now.metadata.annotations).toMatchObject({ note: "theirs" });
    expect(now.spec?.taints).toEqual([lifecycle, theirs]);
  });

  it("is put right when somebody changes it; taints that come and go beside it stay", () => {
    const member = settled(before, [template]);
    const touched: RawNode = {
      ...member,
      metadata: { ...member.metadata, labels: { ...member.metadata.labels, tier: "by hand" } },
      spec: { taints: [{ key: "fresh", effect: "NoSchedule" }] },
    };
    const now = settled(touched, [template]);
    expect(now.metadata.labels).toMatchObject({ tier: "edge" });
    expect(now.spec?.taints?.map(({ key }) => key)).toEqual(["fresh", "edge", "mine"]);
    // that "mine" was there before is remembered
    expect(settled(now, []).spec?.taints).toEqual([{ key: "fresh", effect: "NoSchedule" }, theirs]);
  });

  it("passes from one group to the next in one patch", () => {
    const next = group("next", { matchLabels: {}, nodeTemplate: { labels: { tier: "next" } } });
    const member = settled(before, [template]);
    const { group: now, left, patch } = decide(trimNode(member), [next]);
    expect({ now, left }).toEqual({ now: "next", left: ["t"] });
    const after = patched(member, patch);
    expect(after.metadata.labels).toEqual({ tier: "next", os: "linux", [BELONGING_TO]: "next" });
    expect(settled(after, []).metadata.labels).toEqual(before.metadata.labels);
  });

  it.each(["constructor", "valueOf", "toString"])("goes also when its key is %s", (key) => {
    const odd = group("t", {
      matchLabels: {},
      nodeTemplate: { labels: { [key]: "x" }, annotations: { [key]: "x" } },
    });
    const member = settled(rawNode("n"), [odd]);
    expect(member.metadata.labels).toEqual({ [key]: "x", [BELONGING_TO]: "t" });
    const after = settled(member, []);
    expect(after.metadata.labels).toEqual({});
    expect(after.metadata.annotations).toEqual({ [LEFT]: '["t"]' });
  });

  it.each([
    { labels: { "node-restriction.kubernetes.io/zone": "secure" } },
    { labels: { "x.node-restriction.kubernetes.io/zone": "secure" } },
    { labels: { "node-role.kubernetes.io/control-plane": "" } },
    { labels: { "node-restriction.kubernetes.io/kept": null } },
    { annotations: { [LEFT]: "x" } },
    { taints: { "node.kubernetes.io/unreachable:NoExecute": null } },
  ])("is written down in vain where no group gives it: %j", (forged) => {
    const lifecycle = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
    const node = rawNode("n", {
      labels: { "node-restriction.kubernetes.io/kept": "1" },
      annotations: { [GIVEN]: JSON.stringify({ group: "t", ...forged }) },
      taints: [lifecycle],
    });
    const after = settled(node, []);
    expect(after.metadata.labels).toEqual({ "node-restriction.kubernetes.io/kept": "1" });
    expect(after.metadata.annotations).toEqual({ [LEFT]: '["t"]' });
    expect(after.spec?.taints).toEqual([lifecycle]);
  });

  it("moves no node: groups select by the labels that others gave", () => {
    const member = settled(before, [template]);
    expect(trimNode(member).ownLabels).toEqual({ tier: "theirs", os: "linux" });
  });
});
