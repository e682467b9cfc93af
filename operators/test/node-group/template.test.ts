// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO, ZONE, type NodeGroupTaint } from "@longshore/crds/apps";
import { GIVEN, LEFT } from "../../src/node-group/record.ts";
import { grantOf } from "../../src/node-group/template.ts";

const ignoredOf = (nodeTemplate: object, matchLabels: Record<string, string> = {}): readonly string[] =>
  grantOf("g", { matchLabels, nodeTemplate }).ignored;

describe("what a template may hold", () => {
  it.each([
    ...["kubernetes.io/hostname", "kubernetes.io/os", "node-role.kubernetes.io/master"],
    ...["node-restriction.kubernetes.io/zone", "x.node-restriction.kubernetes.io/zone"],
    ...["version.longshore.io/0123456789abcdef", BELONGING_TO, ZONE, GIVEN, LEFT],
  ])("%s is nobody's to give", (key) => {
    expect(ignoredOf({ labels: { [key]: "x" } })).toEqual([`label ${key} is protected`]);
    expect(ignoredOf({ annotations: { [key]: "x" } })).toEqual([`annotation ${key} is protected`]);
    const effect = "NoSchedule";
    expect(ignoredOf({ taints: [{ key, effect }] })).toEqual([`taint ${key}:${effect} is protected`]);
  });

  it.each(["node.kubernetes.io/not-ready", "node.cloudprovider.kubernetes.io/uninitialized"])(
    "the taint %s belongs to the node lifecycle",
    (key) => {
      expect(ignoredOf({ taints: [{ key, effect: "NoExecute" }] })).toEqual([
        `taint ${key}:NoExecute is protected`,
      ]);
      expect(ignoredOf({ labels: { [key]: "x" } })).toEqual([]);
    },
  );

  it.each([
    [{ labels: { site: "x" } }, "label site is what the group selects by"],
    [{ labels: { "-bad": "x" } }, "label -bad has no valid key"],
    [{ labels: { "a/b/c": "x" } }, "label a/b/c has no valid key"],
    [{ labels: { "UPPER.io/a": "x" } }, "label UPPER.io/a has no valid key"],
    [{ labels: { a: "b c" } }, "label a has no valid value"],
    [{ labels: { a: "x".repeat(64) } }, "label a has no valid value"],
    [{ annotations: { "": "x" } }, "annotation  has no valid key"],
    [{ taints: [{ key: "a", value: "b c", effect: "NoSchedule" }] }, "taint a:NoSchedule has no valid value"],
  ])("%j: %s", (template, want) => {
    expect(ignoredOf(template, { site: "s" })).toEqual([want]);
  });

  it("gives the rest, and one of two taints with one key and effect", () => {
    const taints: NodeGroupTaint[] = [
      { key: "a", value: "1", effect: "NoSchedule" },
      { key: "a", value: "2", effect: "NoSchedule" },
      { key: "a", value: "2", effect: "NoExecute" },
    ];
    const grant = grantOf("g", {
      topologyEnabled: true,
      nodeTemplate: {
        labels: { ok: "1", "kubernetes.io/hostname": "x" },
        annotations: { any: "b c" },
        taints,
      },
    });
    expect(grant).toEqual({
      labels: { ok: "1", [ZONE]: "g" },
      annotations: { any: "b c" },
      taints: [taints[0], taints[2]],
      ignored: ["label kubernetes.io/hostname is protected", "taint a:NoSchedule is there twice"],
    });
  });
});
