// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { FoundNode, GroupLookups } from "../../src/node-group/nodes.ts";
import { unknownNodes } from "../../src/node-group/nodes.ts";
import { createGroupRule } from "../../src/node-group/validate.ts";
import type { ReviewRequest, Verdict } from "../../src/review.ts";

const requestOf = (spec: object, before?: object): ReviewRequest => ({
  uid: "1",
  operation: before === undefined ? "CREATE" : "UPDATE",
  kind: { group: "apps.kubeedge.io", version: "v1alpha1", kind: "NodeGroup" },
  name: "hangzhou",
  object: { spec },
  ...(before !== undefined && { oldObject: { spec: before } }),
});

/** Nodes are found by their names, whatever the selector. */
function judging(nodes: readonly FoundNode[]) {
  const asked: string[] = [];
  const groupNodes: GroupLookups = {
    claimed(group, matchLabels) {
      asked.push(JSON.stringify(matchLabels));
      return Promise.resolve(nodes.filter((node) => node.group !== undefined && node.group !== group));
    },
    named(names) {
      asked.push(...names);
      return Promise.resolve(nodes.filter(({ name }) => names.includes(name)));
    },
  };
  const rule = createGroupRule({ groupNodes });
  return {
    asked,
    judge: async (spec: object, before?: object): Promise<Verdict> => await rule(requestOf(spec, before)),
  };
}

const NODES: readonly FoundNode[] = [
  { name: "a" },
  { name: "b", group: "hangzhou" },
  { name: "c", group: "beijing" },
];

describe("a NodeGroup in admission", () => {
  it.each<[string, object, readonly string[]]>([
    ["nodes that there are", { nodes: ["a", "b"] }, []],
    [
      "a selector",
      { matchLabels: { site: "x" } },
      ["spec.matchLabels: nodes that belong to another group, and stay in it: c (beijing)"],
    ],
    [
      "a node that is not there",
      { nodes: ["a", "ghost"] },
      ["spec.nodes: there are no such nodes now: ghost"],
    ],
    [
      "a node of another group",
      { nodes: ["c"] },
      ["spec.nodes: nodes that belong to another group, and stay in it: c (beijing)"],
    ],
  ])("is admitted with %s", async (_, spec, warnings) => {
    const { allowed, warnings: told = [] } = await judging(NODES).judge(spec);
    expect({ allowed, told }).toEqual({ allowed: true, told: warnings });
  });

  it("is warned that an empty selector selects every node", async () => {
    const { warnings } = await judging([]).judge({ matchLabels: {} });
    expect(warnings).toEqual([expect.stringContaining("selects every node")]);
  });

  it.each<[string, object]>([
    ["the label of membership", { labels: { "apps.kubeedge.io/belonging-to": "x" } }],
    ["a label that it selects by", { labels: { site: "x" } }],
    ["a label whose value is none", { labels: { a: "not valid!" } }],
    ["a role", { labels: { "node-role.kubernetes.io/edge": "" } }],
    ["a version of a rollout", { labels: { "version.longshore.io/0a": "v1" } }],
    ["an annotation with no key", { annotations: { "a b": "c" } }],
    [
      "a taint of the node lifecycle",
      { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] },
    ],
  ])("is refused when its template holds %s", async (_, nodeTemplate) => {
    const { asked, judge } = judging(NODES);
    const spec = { matchLabels: { site: "hangzhou" }, nodeTemplate };
    expect(await judge(spec)).toMatchObject({
      allowed: false,
      message: expect.stringMatching(/^spec\.nodeTemplate: /),
    });
    expect(asked).toEqual([]);
  });

  it("may give other labels, annotations and taints", async () => {
    const taints = [{ key: "dedicated", value: "cdn", effect: "NoSchedule" }];
    const nodeTemplate = { labels: { tier: "edge" }, annotations: { "a.example/b": "any text" }, taints };
    expect(await judging([]).judge({ nodeTemplate })).toEqual({ allowed: true });
  });

  it("is not judged when its spec stays", async () => {
    const spec = { matchLabels: {}, nodeTemplate: { labels: { "a b": "" } } };
    expect(await judging(NODES).judge(spec, spec)).toEqual({ allowed: true });
  });

  it("is admitted when nodes cannot be read, and told so", async () => {
    const told = await createGroupRule({ groupNodes: unknownNodes })(requestOf({ nodes: ["a"] }));
    expect(told).toEqual({ allowed: true, warnings: [expect.stringContaining("could not be read")] });
  });

  it("looks for no more than 20 named nodes", async () => {
    const { asked, judge } = judging([]);
    const { warnings = [] } = await judge({ nodes: Array.from({ length: 500 }, (_, index) => `n${index}`) });
    expect(asked).toHaveLength(20);
    expect(warnings).toEqual([expect.stringContaining("n0, n1, n2, n3, n4 and 15 more")]);
  });
});
