// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  renderShared,
  renderTarget,
  targetsOf,
  type EdgeApplicationSpec,
  type Rendered,
} from "../../src/apps/v1alpha1/index.ts";
import { at, containersOf, frozen, owner, specOf, type Any } from "./build.ts";

/** All children of a spec, as a controller makes them. */
function renderAll(spec: EdgeApplicationSpec): Rendered {
  frozen(spec);
  const { targets, faults } = targetsOf(spec.workloadScope, []);
  expect(faults).toEqual([]);
  const parts = [
    renderShared({ owner, spec }),
    ...targets.map((target) => renderTarget({ owner, spec, target })),
  ];
  return {
    children: parts.flatMap(({ children }) => children),
    faults: parts.flatMap((part) => part.faults),
  };
}

const byName = ({ children }: Rendered, name: string) => {
  const found = children.find(({ object }) => object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.object;
};

/** The published example of KubeEdge's node groups, with the CRD's names of the fields. */
const published = (): EdgeApplicationSpec => ({
  workloadTemplate: {
    manifests: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "nginx" },
        spec: {
          selector: { matchLabels: { app: "nginx" } },
          template: {
            metadata: { labels: { app: "nginx" } },
            spec: { containers: [{ name: "nginx", image: "nginx:latest", ports: [{ containerPort: 80 }] }] },
          },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "nginx-service" },
        spec: {
          selector: { app: "nginx" },
          ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: 8080 }],
          type: "LoadBalancer",
        },
      },
    ],
  },
  workloadScope: {
    targetNodeGroups: [
      {
        name: "hangzhou",
        overriders: {
          replicas: 2,
          imageOverriders: [{ component: "Registry", operator: "replace", value: "hangzhou.registry.io" }],
          envOverriders: [
            { containerName: "nginx", operator: "add", value: [{ name: "env1", value: "test1" }] },
          ],
          commandOverriders: [{ containerName: "nginx", operator: "add", value: ["your-command-1"] }],
          argsOverriders: [{ containerName: "nginx", operator: "add", value: ["your-args-1"] }],
          resourcesOverriders: [
            {
              containerName: "nginx",
              value: { limits: { cpu: "250m", memory: "512Mi" }, requests: { cpu: "250m", memory: "512Mi" } },
            },
          ],
        },
      },
      {
        name: "beijing",
        overriders: {
          replicas: 3,
          imageOverriders: [{ component: "Registry", operator: "replace", value: "beijing.registry.io" }],
        },
      },
    ],
  },
});

const OWNER_REFERENCE = {
  apiVersion: "apps.kubeedge.io/v1alpha1",
  kind: "EdgeApplication",
  name: "nginx-app",
  uid: "0b8e-1",
  controller: true,
  blockOwnerDeletion: true,
};
const AFFINITY = [
  "affinity",
  "nodeAffinity",
  "requiredDuringSchedulingIgnoredDuringExecution",
  "nodeSelectorTerms",
];

describe("KubeEdge's published application", () => {
  it("A22 gives a Deployment for each group and one Service", () => {
    const rendered = renderAll(published());
    const list = rendered.children.map(({ object }) => `${object.kind} ${object.metadata.name}`);
    expect(list).toEqual(["Service nginx-service", "Deployment nginx-hangzhou", "Deployment nginx-beijing"]);
    expect(rendered.faults).toEqual([]);
  });

  it.each([
    ["nginx-hangzhou", 2, "hangzhou.registry.io/nginx:latest", "hangzhou"],
    ["nginx-beijing", 3, "beijing.registry.io/nginx:latest", "beijing"],
  ])("A22 %s has its replicas, image and node selector", (name, replicas, image, group) => {
    const object = byName(renderAll(published()), name);
    expect(at(object, ["spec", "replicas"])).toBe(replicas);
    expect(containersOf(object).map((one) => one["image"])).toEqual([image]);
    expect(specOf(object)["nodeSelector"]).toEqual({ "apps.kubeedge.io/belonging-to": group });
    expect(at(object, ["spec", "selector"])).toEqual({ matchLabels: { app: "nginx" } });
    expect(object.metadata).toMatchObject({
      namespace: "default",
      labels: { "longshore.io/edge-application": "0b8e-1" },
      ownerReferences: [OWNER_REFERENCE],
    });
  });

  it("A23 changes the container of that group only", () => {
    const rendered = renderAll(published());
    expect(containersOf(byName(rendered, "nginx-hangzhou"))).toEqual([
      {
        name: "nginx",
        image: "hangzhou.registry.io/nginx:latest",
        ports: [{ containerPort: 80 }],
        command: ["your-command-1"],
        args: ["your-args-1"],
        env: [{ name: "env1", value: "test1" }],
        resources: { limits: { cpu: "250m", memory: "512Mi" }, requests: { cpu: "250m", memory: "512Mi" } },
      },
    ]);
    expect(containersOf(byName(rendered, "nginx-beijing"))).toEqual([
      { name: "nginx", image: "beijing.registry.io/nginx:latest", ports: [{ containerPort: 80 }] },
    ]);
  });

  it("A22 annotates the Service, and says what each was made from", () => {
    const service = byName(renderAll(published()), "nginx-service");
    const { ["apps.kubeedge.io/last-applied-template"]: text, ...annotations } = service.metadata[
      "annotations"
    ] as Any;
    expect(annotations).toEqual({ "apps.kubeedge.io/service-topology": "range-nodegroup" });
    expect(service["spec"]).toEqual(published().workloadTemplate?.manifests?.[1]?.["spec"]);
    expect(JSON.parse(text as string)).toEqual({
      ...service,
      metadata: { ...service.metadata, annotations },
    });
  });
});

const labelled = (labelSelector: object, podSpec: object = {}): EdgeApplicationSpec => {
  const { workloadTemplate } = published();
  const [deployment] = workloadTemplate?.manifests ?? [];
  Object.assign(at(deployment, ["spec", "template", "spec"]) as Any, podSpec);
  return {
    workloadTemplate: { manifests: [deployment ?? {}] },
    workloadScope: { targetNodeLabels: [{ labelSelector }] },
  };
};

describe("nodes chosen by label", () => {
  // The digits are sha256 of "gputrue" and "archarm64gputrue", cut to four bytes: what KubeEdge's names have.
  it.each([
    [{ gpu: "true" }, "nginx-ls-a02c6a05"],
    [{ gpu: "true", arch: "arm64" }, "nginx-ls-f2a0b5f6"],
    [{ arch: "arm64", gpu: "true" }, "nginx-ls-f2a0b5f6"],
  ])(
    "A24 %j gives the name and affinity of KubeEdge, sorted by key",
    (matchLabels: Record<string, string>, name) => {
      const [child] = renderAll(labelled({ matchLabels })).children;
      expect(child?.object.metadata.name).toBe(name);
      const keys = Object.keys(matchLabels).sort();
      expect(at(child && specOf(child.object), AFFINITY)).toEqual([
        { matchExpressions: keys.map((key) => ({ key, operator: "In", values: [matchLabels[key]] })) },
      ]);
    },
  );

  it("A24 honours matchExpressions, in the name as well", () => {
    const selector = {
      matchLabels: { gpu: "true" },
      matchExpressions: [{ key: "zone", operator: "NotIn", values: ["b", "a"] }],
    };
    const [child] = renderAll(labelled(selector)).children;
    expect(child?.object.metadata.name).toMatch(/^nginx-ls-(?!a02c6a05)[0-9a-f]{8}$/);
    expect(at(child && specOf(child.object), AFFINITY)).toEqual([
      {
        matchExpressions: [
          { key: "gpu", operator: "In", values: ["true"] },
          { key: "zone", operator: "NotIn", values: ["a", "b"] },
        ],
      },
    ]);
  });

  it("A24 keeps the author's nodeSelector, and what is in each of the author's terms", () => {
    const mine = { key: "disk", operator: "Exists" };
    const fields = { key: "metadata.name", operator: "In", values: ["n1"] };
    const podSpec = {
      nodeSelector: { disk: "ssd" },
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] },
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [mine] }, {}, { matchFields: [fields] }],
          },
        },
      },
    };
    const [child] = renderAll(labelled({ matchLabels: { gpu: "true" } }, podSpec)).children;
    const spec = child && specOf(child.object);
    const ours = { key: "gpu", operator: "In", values: ["true"] };
    expect(at(spec, ["nodeSelector"])).toEqual({ disk: "ssd" });
    expect(at(spec, AFFINITY)).toEqual([
      { matchExpressions: [mine, ours] },
      { matchFields: [fields], matchExpressions: [ours] },
    ]);
    expect(at(spec, ["affinity", "podAffinity"])).toEqual(podSpec.affinity.podAffinity);
  });
});
