// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { shapeAt } from "../../src/apps/v1alpha1/render/patches/merge-keys.ts";
import { strategicMerge } from "../../src/apps/v1alpha1/render/patches/strategic.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";
import { at, group, KINDS, manifestOf, podSpec, render, WORKLOADS, type Any } from "./build.ts";
import { ROWS } from "./overrider-rows.ts";

describe("children on a real API server", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["create", "serviceaccount", "default"]);
  }, 120_000);
  afterAll(() => stop());

  const apply = (items: readonly unknown[]): Promise<string> =>
    api.kubectl(
      [
        "apply",
        "--server-side",
        "--validate=strict",
        "--field-manager=longshore-edge-application",
        "-f",
        "-",
        "-o",
        "name",
      ],
      JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    );

  // Claims need a ResourceClaim in the pod, which the manifests do not have.
  const rows = ROWS.filter(({ what }) => what !== "resource claims");

  it.each(KINDS)(
    "A23 server-side apply takes a %s with each overrider, twice",
    async (kind) => {
      const rendered = rows.map(({ overriders }, index) =>
        render([manifestOf(kind)], group(overriders, `g${String(index)}`)),
      );
      expect(rendered.flatMap(({ faults }) => faults)).toEqual([]);
      const objects = rendered.flatMap(({ children }) => children.map(({ object }) => object));
      expect((await apply(objects)).trim().split("\n")).toHaveLength(rows.length);
      await apply(objects);
    },
    120_000,
  );

  it("takes a manifest as kubectl create prints it, with nulls and empty objects, and variables that are there twice", async () => {
    const manifest = manifestOf("Deployment");
    const template = at(manifest, ["spec", "template"]) as Any;
    const metadata = { ...(template["metadata"] as Any), creationTimestamp: null };
    const spec = { ...(manifest["spec"] as Any), template: { ...template, metadata }, strategy: {} };
    const twice = {
      containers: [{ name: "a", image: "a", env: [{ name: "A" }, { name: "A", value: "2" }] }],
    };
    const other = {
      ...manifest,
      metadata: { name: "twice" },
      spec: { ...spec, template: { ...template, spec: twice } },
    };
    const printed = { ...manifest, metadata: { name: "printed", creationTimestamp: null }, spec, status: {} };
    const { children, faults } = render([printed, other], group({ replicas: 1, spread: {} }));
    expect(faults).toEqual([]);
    await apply(children.map(({ object }) => object));
  }, 60_000);

  it("A24 takes label targets, spread, versions and strategies", async () => {
    const labelSelector = {
      matchLabels: { gpu: "true" },
      matchExpressions: [
        { key: "zone", operator: "NotIn", values: ["a"] },
        { key: "disk", operator: "Exists" },
      ],
    };
    const target = { name: "ls-1", labelSelector, overriders: { spread: {}, replicas: 2 } };
    const { children, faults } = render(KINDS.map(manifestOf), target, {
      rollout: { versions: [{ name: "v2", nodes: [] }] },
    });
    expect(faults).toEqual([]);
    await apply(children.map(({ object }) => object));
    expect(children).toHaveLength(KINDS.length + 1);
  }, 60_000);

  it.each<[string, Any]>([
    ["a container by its name", { containers: [{ name: "nginx", image: "x:1" }] }],
    ["a new container", { containers: [{ name: "new", image: "x:1" }] }],
    ["a container that goes", { containers: [{ name: "sidecar", $patch: "delete" }] }],
    ["all containers", { containers: [{ $patch: "replace" }, { name: "one", image: "x:1" }] }],
    [
      "variables",
      {
        containers: [
          {
            name: "nginx",
            env: [
              { name: "A", value: "9" },
              { name: "B", $patch: "delete" },
              { name: "Z", value: "1" },
            ],
          },
        ],
      },
    ],
    ["arguments, which are replaced", { containers: [{ name: "nginx", args: ["one"] }] }],
    [
      "ports",
      {
        containers: [{ name: "nginx", ports: [{ containerPort: 80, name: "http" }, { containerPort: 81 }] }],
      },
    ],
    [
      "a variable's source",
      {
        containers: [
          { name: "nginx", env: [{ name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } }] },
        ],
      },
    ],
    [
      "volumes and mounts",
      {
        volumes: [
          { name: "v", emptyDir: {} },
          { name: "old", emptyDir: null, hostPath: { path: "/x" } },
        ],
        containers: [{ name: "nginx", volumeMounts: [{ mountPath: "/v", name: "v" }] }],
      },
    ],
    ["tolerations, which are replaced", { tolerations: [{ key: "b", operator: "Exists" }] }],
    [
      "host aliases",
      {
        hostAliases: [
          { ip: "1.1.1.1", hostnames: ["b"] },
          { ip: "2.2.2.2", hostnames: ["c"] },
        ],
      },
    ],
    ["pull secrets", { imagePullSecrets: [{ name: "two" }] }],
    ["spread constraints", { topologySpreadConstraints: [{ topologyKey: "zone", maxSkew: 3 }] }],
    ["removal of fields", { tolerations: null, hostAliases: null, securityContext: null }],
    ["an object that is replaced", { securityContext: { $patch: "replace", runAsUser: 2 } }],
    [
      "keys that are retained",
      { volumes: [{ name: "old", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] },
    ],
    ["init containers", { initContainers: [{ name: "setup", args: ["x"] }] }],
    [
      "an affinity beside another",
      { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } },
    ],
  ])(
    "a strategic patch of %s does what the API server does",
    async (what, patch) => {
      const name = `p${Buffer.from(what).toString("hex").slice(0, 40)}`;
      const stored = await read(["create", "-f", "-", "-o", "json"], deployment(name));
      const change = { spec: { template: { spec: patch } } };
      const theirs = await read([
        "patch",
        "deployment",
        name,
        "--type=strategic",
        "-p",
        JSON.stringify(change),
        "-o",
        "json",
      ]);
      const merged = strategicMerge(stored, change, shapeAt(WORKLOADS["Deployment"]?.path ?? []), "patch");
      // The patched object has another resourceVersion by now; what the API server makes of ours is compared.
      const ours = await read(
        ["replace", "--dry-run=server", "-f", "-", "-o", "json"],
        withoutVersion(merged),
      );
      expect(sorted(at(ours, ["spec", "template", "spec"]))).toEqual(
        sorted(at(theirs, ["spec", "template", "spec"])),
      );
    },
    60_000,
  );

  const read = async (args: readonly string[], stdin?: unknown): Promise<Any> =>
    JSON.parse(await api.kubectl(args, stdin === undefined ? undefined : JSON.stringify(stdin))) as Any;
});

const withoutVersion = (object: Any): Any => {
  const metadata = { ...(object["metadata"] as Any), resourceVersion: undefined };
  return { ...object, metadata };
};

/** A Deployment with something in each list that is merged. */
function deployment(name: string): Any {
  const labels = { app: name };
  const spec = {
    ...podSpec(),
    volumes: [
      { name: "old", emptyDir: {} },
      { name: "other", emptyDir: {} },
    ],
    tolerations: [{ key: "a", operator: "Exists" }],
    hostAliases: [{ ip: "1.1.1.1", hostnames: ["a"] }],
    imagePullSecrets: [{ name: "one" }],
    securityContext: { runAsUser: 1, fsGroup: 1 },
    affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    topologySpreadConstraints: [
      {
        topologyKey: "zone",
        maxSkew: 1,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: labels },
      },
    ],
  };
  const template = { metadata: { labels }, spec };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template },
  };
}

/** Lists whose items have a key have no order that matters: ours come last, the API server's first. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    const isKeyed = items.every((item) => typeof item === "object" && item !== null);
    return isKeyed ? items.map((item) => JSON.stringify(item)).sort() : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [key, sorted(item)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
