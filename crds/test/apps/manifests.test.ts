// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { DEFAULT_RENDER_LIMITS, renderShared, renderTarget } from "../../src/apps/v1alpha1/index.ts";
import {
  at,
  containersOf,
  faultsOf,
  frozen,
  group,
  KINDS,
  manifestOf,
  owner,
  render,
  renderOne,
  service,
  shared,
  specOf,
  specWith,
  withMetadata,
  WORKLOADS,
  type Any,
} from "./build.ts";

describe("manifests that are none", () => {
  it.each([
    { kind: "ConfigMap", name: "kube-root-ca.crt", namespace: "any", isRefused: true },
    { kind: "Service", name: "kubernetes", namespace: "default", isRefused: true },
    { kind: "Service", name: "kubernetes", namespace: "any", isRefused: false },
    { kind: "ConfigMap", name: "kubernetes", namespace: "default", isRefused: false },
  ])("S $kind $name in $namespace is Kubernetes' own: $isRefused", ({ kind, name, namespace, isRefused }) => {
    const spec = specWith([{ apiVersion: "v1", kind, metadata: { name } }]);
    const { children, faults } = renderShared({ owner: { ...owner, namespace }, spec });
    expect([children.length, faults.map(({ message }) => message)]).toEqual(
      isRefused ? [0, [expect.stringContaining(`metadata.name: is "${name}", Kubernetes' own`)]] : [1, []],
    );
  });

  it.each<[string, unknown, string]>([
    ["no object", "hello", "workloadTemplate.manifests[0]: is not an object"],
    ["null", null, "is not an object"],
    ["a list", [], "is not an object"],
    ["no apiVersion", { kind: "ConfigMap", metadata: { name: "a" } }, ".apiVersion: is missing"],
    ["no kind", { apiVersion: "v1", metadata: { name: "a" } }, ".kind: is missing"],
    ["no metadata", { apiVersion: "v1", kind: "ConfigMap" }, ".metadata: is missing"],
    ["no name", { apiVersion: "v1", kind: "ConfigMap", metadata: {} }, ".metadata.name: is missing"],
    [
      "a generated name",
      { apiVersion: "v1", kind: "Secret", metadata: { generateName: "a-" } },
      ".generateName: gives another object each time",
    ],
    [
      "another namespace",
      { ...service, metadata: { name: "web", namespace: "kube-system" } },
      '.namespace: is "kube-system"',
    ],
    [
      "a cluster's object",
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "admin" } },
      ".kind: is ClusterRole, which no namespace holds",
    ],
    [
      "a name too long for a Service",
      { ...service, metadata: { name: "a".repeat(64) } },
      "a Service may have 63",
    ],
    ["a name in capitals", { ...service, metadata: { name: "Web" } }, "use lower-case letters"],
    [
      "another controller",
      { ...service, metadata: { name: "web", ownerReferences: [{ kind: "X", controller: true }] } },
      "names another controller",
    ],
    ["labels that are none", { ...service, metadata: { name: "web", labels: "a=b" } }, "is not an object"],
    [
      "a key of all objects",
      JSON.parse('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"__proto__":"x"}}'),
      "has the key __proto__",
    ],
    [
      "a constructor",
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { constructor: "x" } },
      "has the key constructor",
    ],
    ["too many levels", nested(100), "has more than 64 levels"],
    ["too many values", { ...service, spec: new Array(100_001).fill(1) }, "has more than 100000 values"],
  ])("%s is a fault, and the next is made", (_what, manifest, message) => {
    const { children, faults } = renderShared(frozen({ owner, spec: specWith([manifest, service]) }));
    expect(faults).toEqual([{ ordinal: 0, message: expect.stringContaining(message) }]);
    expect(children.map(({ ordinal }) => ordinal)).toEqual([1]);
    expect(({} as Any)["x"]).toBeUndefined();
  });

  it.each([
    ["Job", 54, 63],
    ["CronJob", 43, 52],
    ["StatefulSet", 43, 52],
    ["Deployment", 244, 253],
  ])("a %s's name of %d characters still fits with the target's, one more does not", (kind, length, most) => {
    const named = (count: number): unknown => withMetadata(kind, { name: "a".repeat(count) });
    expect(renderOne(named(length)).metadata.name).toHaveLength(most);
    expect(faultsOf(named(length + 1))).toEqual([
      expect.stringContaining(`a ${kind} may have ${String(most)}`),
    ]);
  });

  it.each([
    ["no pods' template", { spec: {} }, "spec.template: is missing"],
    [
      "containers that are none",
      { spec: { template: { spec: { containers: "nginx" } } } },
      "containers: is not a list",
    ],
    ["a container that is none", { spec: { template: { spec: { containers: [7] } } } }, "not an object"],
    ["no image", { spec: { template: { spec: { containers: [{ name: "a" }] } } } }, "without image"],
  ])("a workload with %s is a fault for the target", (_what, change, message) => {
    const target = group({
      imageOverriders: [{ component: "Registry", operator: "replace", value: "r.io" }],
    });
    const { faults } = render([{ ...manifestOf("Deployment"), ...change }], target);
    expect(faults).toEqual([{ ordinal: 0, target: "hangzhou", message: expect.stringContaining(message) }]);
    expect(faults[0]?.message).toMatch(/\(Deployment nginx\)$/);
  });

  it("lets the first of two manifests of the same object win", () => {
    const { children, faults } = render([manifestOf("Pod"), manifestOf("Job"), manifestOf("Pod")]);
    expect(children.map(({ ordinal }) => ordinal)).toEqual([0, 1]);
    expect(faults).toEqual([
      expect.objectContaining({
        ordinal: 2,
        message: expect.stringContaining("as workloadTemplate.manifests[0] for hangzhou, which wins"),
      }),
    ]);
  });

  it("stops at the limit of objects, with a fault for each that is beyond", () => {
    const spec = specWith([manifestOf("Pod"), manifestOf("Job"), manifestOf("CronJob")]);
    const { children, faults } = renderTarget(
      { owner, spec, target: group() },
      { ...DEFAULT_RENDER_LIMITS, maxChildren: 1 },
    );
    expect(children).toHaveLength(1);
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining("beyond the 1 objects"),
      expect.stringContaining("beyond the 1 objects"),
    ]);
  });
});

function nested(levels: number): unknown {
  let spec: unknown = 1;
  for (let level = 0; level < levels; level++) spec = { a: spec };
  return { ...service, spec };
}

describe("what is there twice", () => {
  const withEnv = (kind: string, env: readonly object[], more: object = {}): Any => {
    const manifest = manifestOf(kind);
    const path = [...(WORKLOADS[kind]?.path ?? []), "spec"];
    Object.assign((at(manifest, [...path, "containers"]) as Any[])[0] ?? {}, { env, ...more });
    return manifest;
  };
  const twice = [{ name: "A", value: "1" }, { name: "B" }, { name: "A", value: "2" }];

  it.each(KINDS)("of a %s's variables the last counts", (kind) => {
    const env = [{ name: "B" }, { name: "A", value: "2" }];
    expect(containersOf(renderOne(withEnv(kind, twice)))[0]?.["env"]).toEqual(env);
    const once = shared({
      ...withEnv(kind, twice),
      metadata: { name: "a", annotations: { "longshore.io/once": "true" } },
    });
    expect(once.children.map(({ object }) => containersOf(object)[0]?.["env"])).toEqual([env]);
  });

  it.each(["add", "replace"] as const)("%s changes the one that counts", (operator) => {
    const value = [{ name: "A", value: "9" }];
    const target = group({ envOverriders: [{ containerName: "nginx", operator, value }] });
    expect(containersOf(renderOne(withEnv("Pod", twice), target))[0]?.["env"]).toEqual([
      { name: "B" },
      ...value,
    ]);
  });

  it("is a fault when a value refers to it", () => {
    const faults = faultsOf(withEnv("Pod", [...twice, { name: "C", value: "$(A)/x" }]));
    expect(faults).toEqual([expect.stringContaining("spec.containers[].env: has A twice")]);
  });

  it("of equal ports and pull secrets one is left", () => {
    const ports = [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, protocol: "UDP" }];
    const pod = withEnv("Pod", [], { ports });
    Object.assign(pod["spec"] as Any, { imagePullSecrets: [{ name: "a" }, { name: "a" }] });
    const object = renderOne(pod);
    expect(containersOf(object)[0]?.["ports"]).toEqual(ports.slice(1));
    expect(specOf(object)["imagePullSecrets"]).toEqual([{ name: "a" }]);
  });
});
