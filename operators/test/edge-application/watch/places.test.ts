// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createInterests } from "../../../src/edge-application/watch/interests.ts";
import {
  createNodeSets,
  isSameNode,
  topicOfGroup,
  topicOfSelector,
  trimNode,
  type NodeFacts,
} from "../../../src/edge-application/watch/nodes.ts";

const node = (name: string, labels: Record<string, string> = {}, ready = "Ready"): NodeFacts => ({
  metadata: { name, uid: name, resourceVersion: "1" },
  ...{ labels, ready },
});
const GPU = { matchLabels: { gpu: "true" } };
const SOUTH = { matchExpressions: [{ key: "zone", operator: "In", values: ["south"] }] };

describe("nodes of a selector", () => {
  it("are looked for once, and then kept as nodes change", () => {
    let looks = 0;
    const nodes = [node("a", { gpu: "true" }), node("b", { zone: "south" })];
    const sets = createNodeSets(() => {
      looks++;
      return nodes;
    });
    expect([...sets.nodesOf(GPU)]).toEqual(["a"]);
    expect([...sets.nodesOf(SOUTH)]).toEqual(["b"]);
    const moved = node("b", { gpu: "true" });
    expect(sets.changed(nodes[1], moved)).toEqual([topicOfSelector(GPU), topicOfSelector(SOUTH)]);
    expect([...sets.nodesOf(GPU)]).toEqual(["a", "b"]);
    expect([...sets.nodesOf(SOUTH)]).toEqual([]);
    expect(sets.changed(nodes[0], undefined)).toEqual([topicOfSelector(GPU)]);
    expect([...sets.nodesOf(GPU)]).toEqual(["b"]);
    expect(sets.changed(undefined, node("c"))).toEqual([]);
    expect(looks).toBe(2);
    sets.drop(topicOfSelector(GPU));
    expect(sets.changed(undefined, node("d", { gpu: "true" }))).toEqual([]);
  });

  it.each([
    {
      when: "only its version differs",
      b: { ...node("a", { x: "1" }), metadata: { name: "a", uid: "a", resourceVersion: "2" } },
      same: true,
    },
    { when: "it is not ready", b: node("a", { x: "1" }, "NotReady"), same: false },
    { when: "a label differs", b: node("a", { x: "2" }), same: false },
    { when: "a label was added", b: node("a", { x: "1", y: "1" }), same: false },
  ])("a node says something new unless nothing changed: $when", ({ b, same }) => {
    expect(isSameNode(node("a", { x: "1" }), b)).toBe(same);
  });

  it("keeps labels and readiness of a Node, and no more", () => {
    const metadata = {
      name: "a",
      uid: "u",
      resourceVersion: "7",
      labels: { x: "1" },
      annotations: { big: "x" },
    };
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    expect(trimNode({ metadata, status } as never)).toEqual({
      metadata: { name: "a", uid: "u", resourceVersion: "7" },
      ...{ labels: { x: "1" }, ready: "Ready" },
    });
    expect(trimNode({ metadata }).ready).toBe("NotReady");
  });
});

it("interests are replaced as a whole, and a topic that nobody has is told of", () => {
  const unused: string[] = [];
  const interests = createInterests((topic) => unused.push(topic));
  const [a, b] = [topicOfGroup("a"), topicOfGroup("b")];
  interests.set("ns/one", new Set([a, b]));
  interests.set("ns/two", new Set([b]));
  expect([...interests.in(b)]).toEqual(["ns/one", "ns/two"]);
  interests.set("ns/one", new Set([b]));
  expect(unused).toEqual([a]);
  interests.delete("ns/one");
  expect([...interests.in(b)]).toEqual(["ns/two"]);
  interests.delete("ns/two");
  expect(unused).toEqual([a, b]);
  expect([...interests.in(b)]).toEqual([]);
});
