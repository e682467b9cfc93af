// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  imagesOf,
  isCopied,
  renderTarget,
  versionLabel,
  type EdgeApplicationOverriders,
  type RenderedSpec,
} from "../../src/apps/v1alpha1/index.ts";
import {
  at,
  containersOf,
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
  type Any,
} from "./build.ts";

const GROUP_ONLY = { "apps.kubeedge.io/belonging-to": "hangzhou" };
describe("what is copied", () => {
  it.each(KINDS)("%s is, unless it is to exist once", (kind) => {
    expect(isCopied(manifestOf(kind))).toBe(true);
    expect(isCopied(withMetadata(kind, { annotations: { "longshore.io/once": "true" } }))).toBe(false);
    expect(isCopied(withMetadata(kind, { annotations: { "longshore.io/once": "false" } }))).toBe(true);
  });

  it.each([service, { apiVersion: "example.com/v1", kind: "Deployment" }, { kind: "Pod" }, null, 7, "x", []])(
    "%j is not",
    (manifest) => {
      expect(isCopied(manifest)).toBe(false);
      expect(render([manifest])).toMatchObject({ children: [], faults: [] });
    },
  );

  it("a workload that exists once is bound to no group and keeps its name", () => {
    const { children } = shared(withMetadata("Deployment", { annotations: { "longshore.io/once": "true" } }));
    expect(children.map(({ object }) => object.metadata.name)).toEqual(["nginx"]);
    expect(children.map(({ object }) => specOf(object)["nodeSelector"])).toEqual([undefined]);
    expect(children[0]).not.toHaveProperty("target");
  });
});

describe("placement", () => {
  it.each(KINDS)("%s is bound to its group, wherever its pod is", (kind) => {
    const object = renderOne(manifestOf(kind));
    expect(object.metadata.name).toBe("nginx-hangzhou");
    expect(specOf(object)["nodeSelector"]).toEqual(GROUP_ONLY);
  });

  it("A24 keeps the author's node selector, but not another group", () => {
    const pod = manifestOf("Pod");
    const nodeSelector = { disk: "ssd", "apps.kubeedge.io/belonging-to": "elsewhere" };
    const object = renderOne({ ...pod, spec: { ...(pod["spec"] as Any), nodeSelector } });
    expect(specOf(object)["nodeSelector"]).toEqual({ disk: "ssd", ...GROUP_ONLY });
  });
});

const versions = (
  names: readonly string[],
  overriders?: EdgeApplicationOverriders,
): Partial<RenderedSpec> => ({
  rollout: {
    versions: names.map((name) => ({ name, nodes: ["host-1"], ...(overriders && { overriders }) })),
  },
});
const AFFINITY = [
  "affinity",
  "nodeAffinity",
  "requiredDuringSchedulingIgnoredDuringExecution",
  "nodeSelectorTerms",
];

describe("host versions", () => {
  const key = versionLabel(owner);

  it("A38 names the label by application", () => {
    expect(key).toMatch(/^version\.longshore\.io\/[0-9a-f]{16}$/);
    expect(versionLabel({ ...owner, namespace: "other" })).not.toBe(key);
  });

  it("A38 makes one more DaemonSet for each version, on top of the target's differences", () => {
    const target = group({
      imageOverriders: [{ component: "Registry", operator: "replace", value: "hz.io" }],
    });
    const change: EdgeApplicationOverriders = {
      imageOverriders: [{ component: "Tag", operator: "replace", value: "2" }],
    };
    const { children, faults } = render([manifestOf("DaemonSet")], target, versions(["v2"], change));
    expect(faults).toEqual([]);
    expect(
      children.map(({ object, version }) => [
        object.metadata.name,
        version,
        containersOf(object)[0]?.["image"],
      ]),
    ).toEqual([
      ["nginx-hangzhou", undefined, "hz.io/library/nginx:1.25"],
      ["nginx-hangzhou-v2", "v2", "hz.io/library/nginx:2"],
    ]);
    expect(children.map(({ object }) => at(specOf(object), AFFINITY))).toEqual([
      [{ matchExpressions: [{ key, operator: "DoesNotExist" }] }],
      [{ matchExpressions: [{ key, operator: "In", values: ["v2"] }] }],
    ]);
  });

  it.each(KINDS.filter((kind) => kind !== "DaemonSet"))("has none of %s", (kind) => {
    const { children } = render([manifestOf(kind)], group(), versions(["v2"]));
    expect(children.map(({ object }) => [object.metadata.name, specOf(object)["affinity"]])).toEqual([
      ["nginx-hangzhou", undefined],
    ]);
  });

  it("keeps DaemonSets off hosts with a version as long as there is a rollout", () => {
    const [child] = render([manifestOf("DaemonSet")], group(), { rollout: {} }).children;
    expect(at(child && specOf(child.object), AFFINITY)).toEqual([
      { matchExpressions: [{ key, operator: "DoesNotExist" }] },
    ]);
  });

  it("names the version in the fault, and makes the others", () => {
    const { children, faults } = render(
      [manifestOf("DaemonSet")],
      group(),
      versions(["v2"], { replicas: -1, patchOverriders: [{ type: "json", patch: 7 }] }),
    );
    expect(children).toHaveLength(1);
    expect(faults).toEqual([
      {
        ordinal: 0,
        target: "hangzhou",
        version: "v2",
        message:
          "rollout.versions[0].overriders.patchOverriders[0].patch: is not a list of operations; write one, or use the type strategic (DaemonSet nginx)",
      },
    ]);
  });
});

describe("pods that may be down at once", () => {
  const strategyOf = (kind: string, spec: object): unknown => {
    const manifest = manifestOf(kind);
    const changed = { ...manifest, spec: { ...(manifest["spec"] as Any), ...spec } };
    const input = { owner, spec: specWith([changed]), target: group(), maxUnavailable: 2 };
    const held = renderTarget(frozen(input)).children[0]?.object["spec"] as Any;
    return held["strategy"] ?? held["updateStrategy"];
  };
  const two = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2, maxSurge: 0 } };

  it.each([
    ["DaemonSet", {}, two],
    ["DaemonSet", { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } }, two],
    ["DaemonSet", { updateStrategy: { type: "OnDelete" } }, { type: "OnDelete" }],
    ["Deployment", {}, two],
    ["Deployment", { strategy: { rollingUpdate: { maxSurge: "50%" } } }, two],
    ["Deployment", { strategy: { type: "Recreate" } }, { type: "Recreate" }],
    ["StatefulSet", {}, undefined],
    ["Job", {}, undefined],
  ])("A38 %s with %j gets %j", (kind, spec, want) => {
    expect(strategyOf(kind, spec)).toEqual(want);
  });
});

describe("metadata", () => {
  it("keeps the author's labels, annotations and owners, and drops what only the server sets", () => {
    const other = { apiVersion: "v1", kind: "ConfigMap", name: "c", uid: "1" };
    const old = {
      apiVersion: "apps.kubeedge.io/v1alpha1",
      kind: "EdgeApplication",
      name: "x",
      uid: "2",
      controller: true,
    };
    const metadata = {
      labels: { a: "b" },
      annotations: { c: "d", "apps.kubeedge.io/last-applied-template": "old" },
      ownerReferences: [old, other],
      uid: "u",
      resourceVersion: "7",
      managedFields: [{}],
      creationTimestamp: null,
    };
    const object = renderOne({ ...withMetadata("Deployment", metadata), status: { replicas: 1 } });
    expect(object).not.toHaveProperty("status");
    const { annotations, ownerReferences, ...rest } = object.metadata;
    expect(rest).toEqual({
      name: "nginx-hangzhou",
      namespace: "default",
      labels: { a: "b", "longshore.io/edge-application": owner.uid },
    });
    expect(ownerReferences).toEqual([other, expect.objectContaining({ name: "nginx-app", uid: owner.uid })]);
    expect(annotations).toMatchObject({ c: "d" });
    expect(at(annotations, ["apps.kubeedge.io/last-applied-template"])).not.toMatch(/"old"|last-applied/);
  });

  it("remembers no Secret, and nothing that is too large for an annotation", () => {
    const secret = shared({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      stringData: { key: "hush" },
    });
    const large = shared({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c" },
      data: { key: "x".repeat(200_000) },
    });
    for (const { children } of [secret, large]) {
      expect(children).toHaveLength(1);
      expect(children[0]?.object.metadata).not.toHaveProperty("annotations");
    }
  });

  it("gives the same for the same, whatever the order of keys", () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, item]) => [key, reversed(item)]),
            )
          : value;
    const text = (manifest: unknown): unknown =>
      (renderOne(manifest, group({ spread: {}, replicas: 2 })).metadata["annotations"] as Any)[
        "apps.kubeedge.io/last-applied-template"
      ];
    expect(text(reversed(manifestOf("Deployment")))).toBe(text(manifestOf("Deployment")));
  });
});

describe("imagesOf", () => {
  it.each(KINDS)(
    "finds the images of a %s's containers, init containers and image volumes, each once",
    (kind) => {
      const children = [manifestOf(kind), manifestOf("Pod")].flatMap((one) => render([one]).children);
      expect(imagesOf(children)).toEqual([
        "busybox:1",
        "docker.io/library/nginx:1.25",
        "localhost:5000/sidecar",
      ]);
    },
  );

  it("finds image volumes, and nothing in other kinds", () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a" },
      spec: { containers: [], volumes: [{ name: "v", image: { reference: "data:1" } }, { name: "w" }] },
    };
    expect(imagesOf([...render([pod]).children, ...shared(service).children])).toEqual(["data:1"]);
  });
});
