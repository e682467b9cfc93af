// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { workloadPlacement, type WorkloadCaches, type WorkloadEvent } from "../../src/workload/placement.ts";
import { trimObject as trimNode } from "../../src/placement/index.ts";
import { trimMetadata, trimPod } from "../../src/workload/transform.ts";
import { object, pod } from "./builders.ts";

interface World {
  readonly nodes?: readonly string[];
  readonly pods?: readonly ReturnType<typeof pod>[];
  readonly configMaps?: readonly string[];
  readonly secrets?: readonly string[];
}

function cachesOf({ nodes = [], pods = [], configMaps = [], secrets = [] }: World): WorkloadCaches {
  const trimmed = pods.map(trimPod);
  const names = { configmap: configMaps, secret: secrets };
  return {
    node: (name) => (nodes.includes(name) ? trimNode(object(name)) : undefined),
    podsOn: (node) => trimmed.filter((p) => p.nodeName === node),
    podsWith: (kind, _namespace, name) =>
      trimmed.filter((p) => (kind === "configmap" ? p.configMaps : p.secrets).includes(name)),
    referred: (kind, namespace, name) =>
      names[kind].includes(name) ? trimMetadata(object(name, namespace)) : undefined,
  };
}

const refs = (world: World, node = "edge-1"): string[] =>
  workloadPlacement.refsOf(node, cachesOf(world)).map((r) => `${r.kind}/${r.namespace}/${r.name}`);

describe("refsOf", () => {
  it.each([
    { when: "the node has no pods", world: { nodes: ["edge-1"] }, want: ["node//edge-1"] },
    { when: "there is nothing at all", world: {}, want: [] },
    {
      when: "a pod refers to a ConfigMap and a Secret",
      world: {
        nodes: ["edge-1"],
        pods: [pod("web", "edge-1", { configMaps: ["c"], secrets: ["s"] })],
        configMaps: ["c", "unused"],
        secrets: ["s", "unused"],
      },
      want: ["node//edge-1", "configmap/ns/c", "secret/ns/s", "pod/ns/web"],
    },
    {
      when: "what a pod refers to does not exist",
      world: { nodes: ["edge-1"], pods: [pod("web", "edge-1", { configMaps: ["c"], secrets: ["s"] })] },
      want: ["node//edge-1", "pod/ns/web"],
    },
    {
      when: "two pods share a ConfigMap",
      world: {
        pods: [pod("a", "edge-1", { configMaps: ["c"] }), pod("b", "edge-1", { configMaps: ["c"] })],
        configMaps: ["c"],
      },
      want: ["configmap/ns/c", "pod/ns/a", "pod/ns/b"],
    },
    {
      when: "the pod is on another node",
      world: { nodes: ["edge-1"], pods: [pod("a", "edge-2", { configMaps: ["c"] })], configMaps: ["c"] },
      want: ["node//edge-1"],
    },
    {
      when: "the pod has ended but is not deleted",
      world: { pods: [{ ...pod("a", "edge-1"), status: { phase: "Succeeded" } }] },
      want: ["pod/ns/a"],
    },
  ])("is $want when $when", ({ world, want }) => {
    expect(refs(world)).toEqual(want);
  });
});

describe("nodesOf", () => {
  const world = cachesOf({
    nodes: ["edge-1", "edge-2"],
    pods: [
      pod("a", "edge-1", { configMaps: ["c"] }),
      pod("b", "edge-2", { configMaps: ["c"], secrets: ["s"] }),
      pod("d", "edge-2", { configMaps: ["c"] }),
      pod("e", "cloud-1", { configMaps: ["c"] }),
    ],
  });
  const cases: readonly { when: string; event: WorkloadEvent; want: string[] }[] = [
    { when: "a pod", event: { kind: "pod", object: trimPod(pod("x", "edge-1")) }, want: ["edge-1"] },
    { when: "a pod in the cloud", event: { kind: "pod", object: trimPod(pod("x", "cloud-1")) }, want: [] },
    { when: "a pod that is not bound", event: { kind: "pod", object: trimPod(pod("x", "")) }, want: [] },
    {
      when: "a ConfigMap",
      event: { kind: "configmap", object: trimMetadata(object("c", "ns")) },
      want: ["edge-1", "edge-2"],
    },
    {
      when: "a Secret",
      event: { kind: "secret", object: trimMetadata(object("s", "ns")) },
      want: ["edge-2"],
    },
    {
      when: "a Secret of nobody",
      event: { kind: "secret", object: trimMetadata(object("t", "ns")) },
      want: [],
    },
    { when: "a Node", event: { kind: "node", object: trimNode(object("edge-1")) }, want: ["edge-1"] },
    {
      when: "a Node that is gone",
      event: { kind: "node", object: trimNode(object("gone")) },
      want: ["gone"],
    },
  ];
  it.each(cases)("is $want for $when", ({ event, want }) => {
    expect([...workloadPlacement.nodesOf(event, world)]).toEqual(want);
  });
});
