// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type EdgeApplicationPatchOverrider } from "../../src/apps/v1alpha1/index.ts";
import { containersOf, faultsOf, group, manifestOf, render, renderOne, specOf, type Any } from "./build.ts";

const patchedBy = (...patchOverriders: EdgeApplicationPatchOverrider[]) =>
  renderOne(manifestOf("Pod"), group({ patchOverriders }));
const strategic = (spec: Any): Any => specOf(patchedBy({ patch: { spec } }));
const faultOf = (type: "strategic" | "merge" | "json", patch: unknown): string =>
  faultsOf(manifestOf("Pod"), group({ patchOverriders: [{ type, patch }] })).join();
const names = (list: unknown): unknown[] => (list as Any[]).map(({ name }) => name);

describe("strategic patches", () => {
  it("merge lists by their key, keep the order and put new items last", () => {
    const spec = strategic({
      containers: [
        { name: "new", image: "n" },
        { name: "nginx", image: "x" },
      ],
    });
    expect(names(spec["containers"])).toEqual(["nginx", "sidecar", "new"]);
    expect((spec["containers"] as Any[])[0]).toMatchObject({ image: "x", command: ["nginx"] });
  });

  it.each<[string, Any, Any]>([
    [
      "null removes",
      { containers: [{ name: "nginx", env: null }] },
      expect.not.objectContaining({ env: expect.anything() }),
    ],
    ["lists of plain values are replaced", { containers: [{ name: "nginx", args: ["a"] }] }, { args: ["a"] }],
    [
      "items are deleted by their key",
      {
        containers: [
          {
            name: "nginx",
            env: [
              { name: "A", $patch: "delete" },
              { name: "C", $patch: "delete" },
            ],
          },
        ],
      },
      { env: [{ name: "B", value: "2" }] },
    ],
    [
      "lists are replaced when told",
      { containers: [{ name: "nginx", env: [{ $patch: "replace" }, { name: "Z" }] }] },
      { env: [{ name: "Z" }] },
    ],
    [
      "ports merge by containerPort",
      { containers: [{ name: "nginx", ports: [{ containerPort: 80 }] }] },
      { ports: [{ containerPort: 80 }] },
    ],
  ])("%s", (_what, patch, want) => {
    expect((strategic(patch)["containers"] as Any[])[0]).toEqual(
      want instanceof Object && "asymmetricMatch" in want ? want : expect.objectContaining(want),
    );
  });

  it.each<[string, Any, unknown]>([
    [
      "replaces an object when told",
      { securityContext: { $patch: "replace", runAsUser: 1 } },
      { runAsUser: 1 },
    ],
    ["merges objects", { securityContext: { runAsUser: 1 } }, { runAsUser: 1, fsGroup: 5, sysctls: [1] }],
    ["deletes an object when told", { securityContext: { $patch: "delete" } }, undefined],
    ["retains keys when told", { securityContext: { $retainKeys: ["fsGroup"] } }, { fsGroup: 5 }],
    [
      "deletes from a list of plain values",
      { securityContext: { "$deleteFromPrimitiveList/sysctls": [1] } },
      { fsGroup: 5, sysctls: [] },
    ],
  ])("%s", (_what, patch, want) => {
    const before = {
      type: "merge" as const,
      patch: { spec: { securityContext: { fsGroup: 5, sysctls: [1] } } },
    };
    expect(specOf(patchedBy(before, { patch: { spec: patch } }))["securityContext"]).toEqual(want);
  });

  it("do the same when done twice", () => {
    const patch = {
      spec: {
        containers: [{ name: "nginx", env: [{ name: "Z", value: "1" }], image: null }, { name: "new" }],
        hostNetwork: true,
      },
    };
    expect(specOf(patchedBy({ patch }, { patch }))).toEqual(specOf(patchedBy({ patch })));
  });
});

describe("merge patches", () => {
  it("are RFC 7386's: null removes, objects merge, lists are replaced", () => {
    const spec = specOf(
      patchedBy({
        type: "merge",
        patch: {
          spec: { containers: [{ name: "one" }], initContainers: null, dnsConfig: { a: null, b: 1 } },
        },
      }),
    );
    expect(spec).toMatchObject({ containers: [{ name: "one" }], dnsConfig: { b: 1 } });
    expect(spec).not.toHaveProperty("initContainers");
    expect(spec["dnsConfig"]).not.toHaveProperty("a");
  });

  it("do the same when done twice", () => {
    const json = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !/"(__proto__|constructor)"/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("a", "b", "c"), json), (spec) => {
        const patch = { type: "merge" as const, patch: { spec } };
        expect(specOf(patchedBy(patch, patch))).toEqual(specOf(patchedBy(patch)));
      }),
    );
  });
});

describe("JSON patches", () => {
  it("do all operations, in order", () => {
    const patch = [
      { op: "test", path: "/spec/containers/0/name", value: "nginx" },
      { op: "copy", from: "/spec/containers/0/args/0", path: "/spec/containers/0/args/-" },
      { op: "move", from: "/spec/containers/1", path: "/spec/containers/0" },
      { op: "add", path: "/metadata/annotations", value: { "a/b~c": "1" } },
      { op: "replace", path: "/metadata/annotations/a~1b~0c", value: "2" },
      { op: "remove", path: "/spec/initContainers" },
    ];
    const object = patchedBy({ type: "json", patch });
    expect(names(containersOf(object))).toEqual(["sidecar", "nginx"]);
    expect(containersOf(object)[1]?.["args"]).toEqual(["-g", "daemon off;", "-q", "-g"]);
    expect(object.metadata["annotations"]).toMatchObject({ "a/b~c": "2" });
    expect(specOf(object)).not.toHaveProperty("initContainers");
  });

  it.each<[string, unknown, string]>([
    [
      "a test that does not hold",
      [{ op: "test", path: "/spec/containers/0/name", value: "x" }],
      "[0]: finds another value",
    ],
    [
      "a path that leads to nothing",
      [{ op: "remove", path: "/spec/none" }],
      '[0].path: "/spec/none" leads to nothing',
    ],
    ["a source that leads to nothing", [{ op: "copy", from: "/spec/none", path: "/spec/a" }], "[0].from"],
    ["an index beyond the list", [{ op: "add", path: "/spec/containers/9", value: {} }], "leads to nothing"],
    [
      "an index that is none",
      [{ op: "replace", path: "/spec/containers/first", value: {} }],
      "leads to nothing",
    ],
    ["a move into itself", [{ op: "move", from: "/spec", path: "/spec/a" }], "cannot be done"],
    ["the whole object", [{ op: "replace", path: "", value: {} }], "begin with a slash"],
    ["an unknown operation", [{ op: "merge", path: "/spec" }], 'op: is "merge"'],
    ["no operation", ["x"], "is not an operation"],
    ["no value", [{ op: "add", path: "/spec/a" }], "value: is missing"],
    ["an object instead of a list", {}, "is not a list of operations"],
    [
      "too many operations",
      new Array(1001).fill({ op: "test", path: "/kind", value: "Pod" }),
      "more than 1000 operations",
    ],
    [
      "what all objects share",
      [{ op: "add", path: "/__proto__/polluted", value: 1 }],
      "has a key that is not taken",
    ],
    ["what all objects inherit", [{ op: "add", path: "/toString/polluted", value: 1 }], "leads to nothing"],
    [
      "what all objects inherit, below an empty key",
      [{ op: "add", path: "//toString/polluted", value: 1 }],
      "leads to nothing",
    ],
    ["copies that would fill the memory", bomb(40), "more than 100000 values"],
  ])("make a fault of %s", (_what, patch, message) => {
    expect(faultOf("json", patch)).toContain(message);
    expect(({}.toString as unknown as Any)["polluted"]).toBeUndefined();
    expect(({} as Any)["polluted"]).toBeUndefined();
  });
});

function bomb(doublings: number): unknown[] {
  return Array.from({ length: doublings }, (_, index) => ({
    op: "copy",
    from: "/spec",
    path: `/spec/x${String(index)}`,
  }));
}

describe("what no patch may do", () => {
  const identity = "may not change apiVersion, kind, or the metadata's name, namespace or owners";
  it.each<[string, Any, string]>([
    ["another name", { metadata: { name: "other" } }, identity],
    ["another namespace", { metadata: { namespace: "kube-system" } }, identity],
    ["another owner", { metadata: { ownerReferences: [{ uid: "1" }] } }, identity],
    ["another kind", { kind: "Secret" }, identity],
    ["another apiVersion", { apiVersion: "v2" }, identity],
    ["no metadata", { metadata: null }, identity],
    [
      "another group's nodes",
      { spec: { nodeSelector: { "apps.kubeedge.io/belonging-to": "x" } } },
      "which nodes the target has",
    ],
    ["all nodes", { spec: { nodeSelector: null } }, "which nodes the target has"],
    ["no pod", { spec: null }, "is missing"],
    [
      "a key of all objects",
      { spec: JSON.parse('{"__proto__": {"polluted": 1}}') as Any },
      "has the key __proto__",
    ],
  ])("%s is a fault", (_what, patch, message) => {
    expect(faultOf("merge", patch)).toContain(message);
    expect(faultOf("strategic", patch)).toContain(message);
    expect(({} as Any)["polluted"]).toBeUndefined();
  });

  it("other nodes of a label target", () => {
    const target = {
      name: "ls-1",
      labelSelector: { matchLabels: { gpu: "true" } },
      overriders: { patchOverriders: [{ patch: { spec: { affinity: { nodeAffinity: null } } } }] },
    };
    expect(faultsOf(manifestOf("Pod"), target)).toEqual([
      expect.stringContaining("overriders.patchOverriders[0]: may not change which nodes"),
    ]);
  });

  it("but all else of a label target, in its affinity, too", () => {
    const path =
      "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0";
    const mine = { key: "disk", operator: "Exists" };
    const patch = [{ op: "add", path: `${path}/matchExpressions/-`, value: mine }];
    const labelSelector = { matchLabels: { gpu: "true" } };
    const target = {
      name: "ls-1",
      labelSelector,
      overriders: { patchOverriders: [{ type: "json" as const, patch }] },
    };
    const affinity = specOf(renderOne(manifestOf("Pod"), target))["affinity"];
    const gpu = { key: "gpu", operator: "In", values: ["true"] };
    expect(JSON.stringify(affinity)).toContain(JSON.stringify({ matchExpressions: [gpu, mine] }));
  });

  it("another name, by an image's predicate", () => {
    const predicate = { path: "/metadata/name" };
    const target = group({
      imageOverriders: [{ component: "Repository", operator: "replace", value: "other", predicate }],
    });
    expect(faultsOf(manifestOf("Pod"), target)).toEqual([
      expect.stringContaining(`overriders.imageOverriders[0]: ${identity}`),
    ]);
  });

  it.each<[string, "strategic" | "merge", unknown, string]>([
    ["deleting the object", "strategic", { $patch: "delete" }, "for the whole object"],
    ["unknown directives", "strategic", { spec: { $x: 1 } }, "spec.$x: is not known here"],
    [
      "unknown words of a directive",
      "strategic",
      { spec: { containers: [{ name: "nginx", $patch: "drop" }] } },
      '$patch: is "drop"',
    ],
    [
      "items without their key",
      "strategic",
      { spec: { containers: [{ image: "x" }] } },
      "containers[0].name: is missing",
    ],
    ["a list", "merge", [], "is not an object"],
  ])("%s", (_what, type, patch, message) => {
    expect(faultOf(type, patch)).toContain(message);
  });
});

describe("targets of patches", () => {
  it.each([
    [undefined, ["Pod", "Job"]],
    [{ kind: "Job" }, ["Job"]],
    [{ name: "nginx" }, ["Pod", "Job"]],
    [{ name: "nginx-hangzhou" }, []],
    [{ kind: "Pod", name: "nginx" }, ["Pod"]],
  ])("%j patches %j", (target, kinds) => {
    const patch = { metadata: { labels: { patched: "yes" } } };
    const overriders = { patchOverriders: [{ ...(target && { target }), patch }] };
    const { children } = render([manifestOf("Pod"), manifestOf("Job")], group(overriders));
    const patched = children.filter(({ object }) => (object.metadata["labels"] as Any)["patched"] === "yes");
    expect(patched.map(({ object }) => object.kind)).toEqual(kinds);
  });
});
