// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO } from "@longshore/crds/apps";
import { conditionsOf } from "../../src/node-group/conditions.ts";
import { newsOf, seenIn, seenOf } from "../../src/node-group/news.ts";
import { mostUrgent, nodeStatusesOf, standingsOf, type Standing } from "../../src/node-group/status.ts";
import { groupObject, rawNode, type NodeWish } from "./builders.ts";
import { createWorld } from "./world.ts";

const member = (node: string, ready: Standing["ready"] = "Ready"): Standing => ({
  ...{ node, ready, is: "member", reason: "" },
});
const rival = (node: string): Standing => ({
  ...{ node, ready: "Ready", is: "elsewhere", reason: `node ${node} has already belonged to NodeGroup x` },
});
const missing = (node: string): Standing => ({
  ...{ node, ready: "Unknown", is: "missing", reason: "node does not exist" },
});

function statusesOf(
  nodes: Readonly<Record<string, NodeWish>>,
  spec: object,
  refusal?: string,
): readonly object[] {
  const world = createWorld();
  for (const [name, wish] of Object.entries(nodes)) world.setNode(rawNode(name, wish));
  world.setGroup(groupObject("g", spec, { creationTimestamp: "2026-01-01T00:00:00Z" }));
  world.setGroup(groupObject("rival", { nodes: ["shared"] }, { creationTimestamp: "2025-01-01T00:00:00Z" }));
  const refusals = { of: () => (refusal === undefined ? undefined : { group: "g", message: refusal }) };
  const group = world.groups.get("g");
  if (group === undefined) throw new Error("no group");
  return nodeStatusesOf(standingsOf(group, { ...world, refusals }));
}

const inG = { labels: { [BELONGING_TO]: "g", site: "s" } };

describe("statuses of nodes", () => {
  it("A21 are KubeEdge's, sorted by name", () => {
    const nodes = {
      c: { ...inG, ready: "True" },
      b: { ...inG, ready: "False" },
      a: { ...inG, ready: "Unknown" },
      d: inG,
      shared: { labels: { [BELONGING_TO]: "rival", site: "s" }, ready: "True" },
      other: {},
    };
    const ok = { selectionStatus: "Succeeded" };
    const failed = { selectionStatus: "Failed" };
    expect(statusesOf(nodes, { matchLabels: { site: "s" }, nodes: ["ghost", "c", "ghost"] })).toEqual([
      { nodeName: "a", readyStatus: "Unknown", ...ok },
      { nodeName: "b", readyStatus: "NotReady", ...ok },
      { nodeName: "c", readyStatus: "Ready", ...ok },
      { nodeName: "d", readyStatus: "Unknown", ...ok },
      { nodeName: "ghost", readyStatus: "Unknown", ...failed, selectionStatusReason: "node does not exist" },
      {
        ...{ nodeName: "shared", readyStatus: "Ready", ...failed },
        selectionStatusReason: "node shared has already belonged to NodeGroup rival",
      },
    ]);
  });

  it("say nothing of a node that is about to be labelled, and why one cannot be", () => {
    const nodes = { n: { labels: { site: "s" } } };
    expect(statusesOf(nodes, { matchLabels: { site: "s" } })).toEqual([]);
    expect(statusesOf(nodes, { matchLabels: { site: "s" } }, "forbidden")).toEqual([
      {
        nodeName: "n",
        readyStatus: "Unknown",
        selectionStatus: "Failed",
        selectionStatusReason: "forbidden",
      },
    ]);
  });

  it("nil matchLabels select nothing, {} everything", () => {
    expect(statusesOf({ n: inG }, {})).toEqual([]);
    expect(statusesOf({ n: inG }, { matchLabels: {} })).toHaveLength(1);
  });

  it("show those with trouble first when there are too many, sorted by name", () => {
    const all = [member("a"), member("b", "NotReady"), member("c"), missing("d"), rival("e")];
    expect(mostUrgent(all, 4).map(({ node }) => node)).toEqual(["a", "b", "d", "e"]);
    expect(mostUrgent(all, 2).map(({ node }) => node)).toEqual(["b", "d"]);
    expect(mostUrgent(all, 5)).toBe(all);
  });
});

describe("conditions of a group", () => {
  const told = { shown: 9, hasTemplate: false, ignored: [] };
  const reasonsOf = (standings: readonly Standing[], more: object = {}): Record<string, string> =>
    Object.fromEntries(
      conditionsOf({ ...told, ...more, standings }).map(({ type, status, reason }) => [
        type,
        `${status} ${reason}`,
      ]),
    );

  it.each([
    [[], { Ready: "False NoMembers", MembersResolved: "True Resolved", Exclusive: "True Exclusive" }],
    [
      [member("a")],
      { Ready: "True AllReady", MembersResolved: "True Resolved", Exclusive: "True Exclusive" },
    ],
    [[member("a"), member("b", "Unknown")], { Ready: "False NodesOffline" }],
    [[missing("a")], { Ready: "False NoMembers", MembersResolved: "False NodeNotFound" }],
    [[member("a"), rival("b")], { Ready: "True AllReady", Exclusive: "False NodeConflict" }],
  ])("%j: %j", (standings, want) => {
    expect(reasonsOf(standings)).toMatchObject(want);
  });

  it("speak of the template only where there is one", () => {
    expect(reasonsOf([])).not.toHaveProperty("TemplateValid");
    expect(reasonsOf([], { hasTemplate: true })).toHaveProperty("TemplateValid", "True Valid");
    const ignored = { hasTemplate: true, ignored: ["label x is protected"] };
    expect(reasonsOf([], ignored)).toHaveProperty("TemplateValid", "False EntriesIgnored");
  });

  it("say how many nodes are not shown, and name ten", () => {
    const standings = Array.from({ length: 30 }, (_, i) => member(`n-${String(i)}`, "NotReady"));
    const [ready] = conditionsOf({ ...told, standings, shown: 20 });
    expect(ready?.message).toMatch(
      /^30 of 30 nodes are not Ready: n-0, .* and 20 more; nodeStatuses shows 20 of 30/,
    );
    const long = Array.from({ length: 30 }, (_, i) => `${String(i)}${"x".repeat(9000)}`);
    const [, , , template] = conditionsOf({ ...told, standings, hasTemplate: true, ignored: long });
    expect(template?.message.length).toBeLessThan(32_768);
  });
});

describe("events of a group", () => {
  it("tell once of what is new, together", () => {
    const before = seenOf([member("a"), member("b"), rival("r")]);
    const now = seenOf([member("b"), member("c"), member("d"), rival("r"), rival("s")]);
    expect(newsOf(before, now).map(({ reason, note }) => `${reason} ${note}`)).toEqual([
      "NodeAdded taken into the group: c, d",
      "NodeRemoved no longer in the group: a",
      "NodeConflict wanted, but in another group already: s",
    ]);
    expect(newsOf(now, now)).toEqual([]);
  });

  it("go on from what the status says, unless that does not show all", () => {
    const standings = [member("a"), missing("m"), rival("r")];
    const nodeStatuses = nodeStatusesOf(standings);
    expect(seenIn({ nodeStatuses, summary: { nodes: 1 } })).toEqual(seenOf(standings));
    expect(seenIn({ nodeStatuses, summary: { nodes: 2 } })).toBeUndefined();
    expect(seenIn(undefined)).toEqual(seenOf([]));
  });
});
