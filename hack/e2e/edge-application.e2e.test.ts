// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ListOf, Meta } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { application, BELONGING_TO, nodeGroup, type ApplicationObject } from "./group-manifests.ts";

jest.setTimeout(120_000);
const SOON_MS = 60_000;
const TOPOLOGY = "apps.kubeedge.io/service-topology";

interface Deployment {
  readonly metadata: Meta & { readonly ownerReferences?: readonly { kind: string; controller?: boolean }[] };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: PodSpec };
  };
}
interface PodSpec {
  readonly containers: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: { readonly nodeAffinity?: object };
}

const labels = { app: "nginx" };
const nginx = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "nginx" },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        nodeSelector: { disk: "ssd" },
        containers: [
          {
            name: "nginx",
            image: "nginx:1.27",
            args: ["-g", "daemon off;", "-q"],
            env: [
              { name: "LEVEL", value: "info" },
              { name: "OLD", value: "1" },
            ],
          },
          { name: "sidecar", image: "nginx:1.27", env: [{ name: "LEVEL", value: "info" }] },
        ],
      },
    },
  },
};
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "nginx" },
  spec: { selector: labels, ports: [{ port: 80 }] },
};
const registry = (value: string) => ({
  imageOverriders: [{ component: "Registry", operator: "replace", value }],
});

describe("edge application", () => {
  let env: Environment;
  let ns: string;
  let fleet: Fleet;
  const hangzhou = ["ea-h1", "ea-h2"];
  const beijing = ["ea-b1", "ea-b2", "ea-b3"];

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("edge-application");
    fleet = await startFleet(env.layout.kubeconfig, {
      names: [...hangzhou, ...beijing],
      labels: { disk: "ssd" },
    });
    await env.kubectl.apply(nodeGroup("ea-hangzhou", { nodes: hangzhou }, { region: "east" }));
    await env.kubectl.apply(nodeGroup("ea-beijing", { nodes: beijing }, { region: "north" }));
  }, 600_000);
  afterAll(async () => {
    await env.kubectl.tryRun("-n", ns, "delete", "edgeapplication", "--all", "--timeout=30s");
    await env.kubectl.tryRun("delete", "nodegroup", "ea-hangzhou", "ea-beijing", "--timeout=30s");
    await fleet.close();
    await cleanEnvironment();
  }, 150_000);

  const app = (name: string): Promise<ApplicationObject> =>
    env.kubectl.json("-n", ns, "get", "edgeapplication", name);
  const deployment = (name: string): Promise<Deployment | undefined> =>
    env.kubectl.find("deployment", "-n", ns, name);
  const deployments = async (): Promise<readonly string[]> =>
    (await env.kubectl.json<ListOf<Deployment>>("-n", ns, "get", "deployments")).items.map(
      ({ metadata }) => metadata.name,
    );
  const soon = <T>(assertions: () => Promise<T>): Promise<T> =>
    eventually(assertions, { timeoutMs: SOON_MS });
  const scope = (...targetNodeGroups: object[]) => ({ targetNodeGroups });
  const wish = { name: "nginx-app", manifests: [nginx, service] };
  const both = scope(
    { name: "ea-hangzhou", overriders: { replicas: 2, ...registry("hangzhou.registry.io") } },
    { name: "ea-beijing", overriders: { replicas: 3 } },
  );

  it("A22 makes one Deployment for each group, and one Service that keeps to the group", async () => {
    await env.kubectl.apply(application({ namespace: ns, ...wish, scope: both }));
    await soon(async () => expect(await deployments()).toEqual(["nginx-ea-beijing", "nginx-ea-hangzhou"]));
    const there = (await deployment("nginx-ea-hangzhou"))!;
    expect(there.spec.replicas).toBe(2);
    expect(there.spec.template.spec.containers[0]?.["image"]).toBe("hangzhou.registry.io/nginx:1.27");
    expect(there.spec.template.spec.nodeSelector).toEqual({ disk: "ssd", [BELONGING_TO]: "ea-hangzhou" });
    expect(there.metadata.ownerReferences).toMatchObject([{ kind: "EdgeApplication", controller: true }]);
    const other = (await deployment("nginx-ea-beijing"))!;
    expect([other.spec.replicas, other.spec.template.spec.containers[0]?.["image"]]).toEqual([
      3,
      "nginx:1.27",
    ]);
    const { metadata } = await env.kubectl.json<{ metadata: Meta }>("-n", ns, "get", "service", "nginx");
    expect(metadata.annotations).toMatchObject({ [TOPOLOGY]: "range-nodegroup" });
  });

  it("A22 turns Available when the pods are, target by target", async () => {
    await soon(async () => {
      const { status } = await app("nginx-app");
      const lines = status?.workloadStatus?.map(
        ({ conditions, identifier }) => `${identifier.kind} ${identifier.name} ${conditions}`,
      );
      expect(lines).toEqual([
        "Deployment nginx-ea-beijing Available",
        "Deployment nginx-ea-hangzhou Available",
        "Service nginx Available",
      ]);
      expect(status?.targets).toMatchObject([
        { name: "ea-beijing", nodes: 3, readyNodes: 3, desired: 3, available: 3 },
        { name: "ea-hangzhou", nodes: 2, readyNodes: 2, desired: 2, available: 2 },
      ]);
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
    });
    const shown = await env.kubectl.run("-n", ns, "get", "edgeapplications");
    expect(shown).toMatch(/nginx-app +2 +5 +5 +5 +True /);
  });

  it("A23 changes nothing but the named container of the named group", async () => {
    const overriders = {
      envOverriders: [
        { containerName: "nginx", operator: "add", value: [{ name: "SITE", value: "h" }] },
        { containerName: "nginx", operator: "replace", value: [{ name: "LEVEL", value: "debug" }] },
        { containerName: "nginx", operator: "remove", value: [{ name: "OLD" }] },
      ],
      commandOverriders: [{ containerName: "nginx", operator: "add", value: ["/bin/nginx"] }],
      argsOverriders: [{ containerName: "nginx", operator: "remove", value: ["-q"] }],
      resourcesOverriders: [{ containerName: "nginx", value: { limits: { cpu: "250m", memory: "512Mi" } } }],
    };
    const changed = scope({ name: "ea-hangzhou", overriders }, { name: "ea-beijing" });
    await env.kubectl.apply(
      application({ namespace: ns, ...wish, name: "differs", manifests: [named("d")], scope: changed }),
    );
    const containers = await soon(
      async () => (await deployment("d-ea-hangzhou"))!.spec.template.spec.containers,
    );
    expect(containers[0]).toMatchObject({
      env: [
        { name: "LEVEL", value: "debug" },
        { name: "SITE", value: "h" },
      ],
      command: ["/bin/nginx"],
      args: ["-g", "daemon off;"],
      resources: { limits: { cpu: "250m", memory: "512Mi" } },
    });
    expect(containers[1]).toMatchObject({ env: [{ name: "LEVEL", value: "info" }], resources: {} });
    const untouched = await soon(
      async () => (await deployment("d-ea-beijing"))!.spec.template.spec.containers,
    );
    expect(untouched[0]).toMatchObject({ args: ["-g", "daemon off;", "-q"], resources: {} });
    expect(untouched[0]).not.toHaveProperty("command");
    await env.kubectl.run("-n", ns, "delete", "edgeapplication", "differs", "--timeout=20s");
  });

  const named = (name: string) => ({ ...nginx, metadata: { name } });

  it("A24 deploys to nodes by label, expressions and the author's own selector honoured", async () => {
    await env.kubectl.run("label", "node", beijing[0]!, "gpu=true");
    const labelSelector = {
      matchLabels: { gpu: "true" },
      matchExpressions: [{ key: "disk", operator: "In", values: ["ssd", "nvme"] }],
    };
    const byLabel = { targetNodeLabels: [{ labelSelector, overriders: { replicas: 1 } }] };
    await env.kubectl.apply(
      application({ namespace: ns, name: "by-label", manifests: [named("gpu")], scope: byLabel }),
    );
    const found = await soon(async () => {
      const name = (await deployments()).find((each) => each.startsWith("gpu-"));
      return (await deployment(name!))!;
    });
    expect(found.metadata.name).toMatch(/^gpu-ls-[0-9a-f]{8}$/);
    expect(found.spec.template.spec.nodeSelector).toEqual({ disk: "ssd" });
    expect(JSON.stringify(found.spec.template.spec.affinity)).toContain('"values":["nvme","ssd"]');
    await soon(async () => {
      const pods = await env.kubectl.run("-n", ns, "get", "pods", "-o", "wide", "--no-headers");
      expect(pods).toMatch(new RegExp(`gpu-ls-.*2/2 +Running.* ${beijing[0]} `));
    });
    await env.kubectl.run("-n", ns, "delete", "edgeapplication", "by-label", "--timeout=20s");
  });

  it("deploys to every group with a label, also one that comes later", async () => {
    const bySelector = {
      targetNodeGroupSelectors: [{ labelSelector: { matchLabels: { region: "north" } } }],
    };
    await env.kubectl.apply(
      application({ namespace: ns, name: "by-group", manifests: [named("g")], scope: bySelector }),
    );
    await soon(async () => expect(await deployments()).toContain("g-ea-beijing"));
    expect(await deployments()).not.toContain("g-ea-hangzhou");
    await env.kubectl.run("label", "nodegroup", "ea-hangzhou", "--overwrite", "region=north");
    await soon(async () => expect(await deployments()).toContain("g-ea-hangzhou"));
    await env.kubectl.run("label", "nodegroup", "ea-hangzhou", "--overwrite", "region=east");
    await soon(async () => expect(await deployments()).not.toContain("g-ea-hangzhou"));
    await env.kubectl.run("-n", ns, "delete", "edgeapplication", "by-group", "--timeout=20s");
  });

  it("keeps what others set on a child, and puts right what they changed of its own", async () => {
    const patch = { metadata: { annotations: { mine: "stays" } }, spec: { replicas: 1, paused: true } };
    const text = JSON.stringify(patch);
    await env.kubectl.run("-n", ns, "patch", "deployment", "nginx-ea-hangzhou", "--type=merge", "-p", text);
    await soon(async () => expect((await deployment("nginx-ea-hangzhou"))?.spec.replicas).toBe(2));
    const { metadata, spec } = (await deployment("nginx-ea-hangzhou"))!;
    expect(metadata.annotations).toMatchObject({ mine: "stays" });
    expect(spec).toMatchObject({ paused: true });
    await env.kubectl.run("-n", ns, "rollout", "resume", "deployment", "nginx-ea-hangzhou");
  });

  it("names a manifest that fails, and deploys the others", async () => {
    const broken = { apiVersion: "nowhere.example/v1", kind: "Thing", metadata: { name: "x" } };
    const abroad = { ...service, metadata: { name: "abroad", namespace: "kube-system" } };
    const manifests = [broken, named("good"), abroad];
    await env.kubectl.apply(
      application({ namespace: ns, name: "half", manifests, scope: scope({ name: "ea-beijing" }) }),
    );
    await soon(async () => {
      const { workloadStatus = [], conditions } = (await app("half")).status ?? {};
      expect(workloadStatus).toMatchObject([
        { conditions: "Processing", identifier: { ordinal: 0 }, message: expect.stringContaining("Thing") },
        { identifier: { name: "good-ea-beijing" } },
        { message: expect.stringContaining("namespace") },
      ]);
      expect(conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "False" }));
    });
    expect(await env.kubectl.find("service", "-n", "kube-system", "abroad")).toBeUndefined();
    await env.kubectl.run("-n", ns, "delete", "edgeapplication", "half", "--timeout=20s");
  });

  it("A25 makes a deleted child again, removes that of a dropped group, and all of them with the application", async () => {
    const before = (await deployment("nginx-ea-beijing"))?.metadata.uid;
    await env.kubectl.run("-n", ns, "delete", "deployment", "nginx-ea-beijing");
    await soon(async () => {
      const now = (await deployment("nginx-ea-beijing"))?.metadata.uid;
      expect(now).toBeDefined();
      expect(now).not.toBe(before);
    });
    const [first] = both.targetNodeGroups;
    await env.kubectl.apply(application({ namespace: ns, ...wish, scope: scope(first!) }));
    await soon(async () => expect(await deployments()).toEqual(["nginx-ea-hangzhou"]));
    await env.kubectl.apply(
      application({ namespace: ns, ...wish, manifests: [nginx], scope: scope(first!) }),
    );
    await soon(async () => expect(await env.kubectl.find("service", "-n", ns, "nginx")).toBeUndefined());
    await env.kubectl.run("-n", ns, "delete", "edgeapplication", "nginx-app", "--timeout=20s");
    await soon(async () => expect(await deployments()).toEqual([]));
  });
});
