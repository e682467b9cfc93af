// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { EdgeApplicationStatus } from "@longshore/crds/apps";
import { EDGE_APPLICATIONS, NODE_GROUPS } from "../../src/edge-application/resources.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";
import {
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  groupTargets,
  service,
  SERVICES,
  startBench,
  type Bench,
  type Room,
} from "./bench.ts";

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

const shop = (...groups: string[]) => ({
  workloadScope: groupTargets(...groups),
  workloadTemplate: { manifests: [deployment("nginx"), service("nginx")] },
});

describe("children", () => {
  it("A37 the status tells which groups are protected, and follows their label", async () => {
    const [north, south] = [`${room.namespace}-n`, `${room.namespace}-s`];
    await room.createGroup(north, { "longshore.io/protected": "true" });
    await room.createGroup(south);
    room.start();
    await room.createApp("web", { ...shop(north, south) });
    const told = async (): Promise<unknown> => {
      const app = (await room.get(EDGE_APPLICATIONS, "web")) as { readonly status?: EdgeApplicationStatus };
      const { targets = [] } = app.status ?? {};
      return targets.map((target) => target.protected);
    };
    await eventually(async () => {
      expect(await told()).toEqual([true, undefined]);
    });
    const labels = { "longshore.io/protected": null };
    await bench.client.patch(NODE_GROUPS, { name: north }, { type: "merge", body: { metadata: { labels } } });
    await eventually(async () => {
      expect(await told()).toEqual([undefined, undefined]);
    });
  });

  it("A22 two groups with differences give two Deployments and one Service, Available when ready", async () => {
    const [north, south] = [`${room.namespace}-n`, `${room.namespace}-s`];
    await room.createGroup(north);
    await room.createGroup(south);
    await room.createNode(`${north}-1`, { "apps.kubeedge.io/belonging-to": north });
    await room.createNode(`${north}-2`, { "apps.kubeedge.io/belonging-to": north }, false);
    room.start();
    await room.createApp("nginx-app", {
      workloadScope: {
        targetNodeGroups: [
          {
            name: north,
            overriders: {
              replicas: 2,
              imageOverriders: [
                { component: "Registry", operator: "replace", value: "hangzhou.registry.io" },
              ],
            },
          },
          { name: south, overriders: { replicas: 3 } },
        ],
      },
      workloadTemplate: { manifests: [deployment("nginx"), service("nginx")] },
    });
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual([`nginx-${north}`, `nginx-${south}`]);
      expect(await room.names(SERVICES)).toEqual(["nginx"]);
    });
    const made = await room.get(DEPLOYMENTS, `nginx-${north}`);
    expect(made.spec).toMatchObject({
      replicas: 2,
      template: {
        spec: {
          nodeSelector: { "apps.kubeedge.io/belonging-to": north },
          containers: [{ image: "hangzhou.registry.io/nginx:1.25" }],
        },
      },
    });
    const app = await room.app("nginx-app");
    expect(made.metadata.ownerReferences).toEqual([
      {
        ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", name: "nginx-app" },
        ...{ uid: app.metadata.uid, controller: true, blockOwnerDeletion: true },
      },
    ]);
    expect((await room.get(SERVICES, "nginx")).metadata.annotations).toMatchObject({
      "apps.kubeedge.io/service-topology": "range-nodegroup",
    });
    await eventually(async () =>
      expect(await room.workloads("nginx-app")).toEqual([
        `0 Deployment nginx-${north} Processing`,
        `0 Deployment nginx-${south} Processing`,
        "1 Service nginx Available",
      ]),
    );
    expect(await room.conditions("nginx-app")).toMatchObject({
      Ready: "False Progressing",
      Available: "False Unavailable",
      OverridesValid: "True Valid",
    });
    await room.available(`nginx-${north}`);
    await room.available(`nginx-${south}`);
    await eventually(async () =>
      expect(await room.conditions("nginx-app")).toEqual({
        Ready: "True Ready",
        Available: "True Available",
        Progressing: "False Finished",
        OverridesValid: "True Valid",
      }),
    );
    const { status } = await room.app("nginx-app");
    expect(status?.workloadStatus?.map(({ conditions }) => conditions)).toEqual(Array(3).fill("Available"));
    expect(status?.workloadStatus?.[0]?.identifier).toEqual({
      ...{ ordinal: 0, group: "apps", version: "v1", kind: "Deployment", resource: "deployments" },
      ...{ namespace: room.namespace, name: `nginx-${north}` },
    });
    expect(status?.summary).toEqual({ groups: 2, desired: 5, available: 5, upToDate: 5 });
    expect(status?.targets).toMatchObject([
      { name: north, nodes: 2, readyNodes: 1, desired: 2, available: 2, upToDate: 2 },
      { name: south, nodes: 0, readyNodes: 0, desired: 3 },
    ]);
    await room.setReady(`${north}-2`, true);
    await eventually(async () =>
      expect((await room.app("nginx-app")).status?.targets?.[0]).toMatchObject({ readyNodes: 2 }),
    );
  });

  it("A25 a deleted child is made again; a dropped group's and a dropped manifest's go", async () => {
    room.start();
    await room.createApp("shop", shop("hangzhou", "beijing"));
    await eventually(async () =>
      expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-beijing", "nginx-hangzhou"]),
    );
    const first = await room.get(DEPLOYMENTS, "nginx-beijing");
    await room.quiet();

    await room.client.delete(DEPLOYMENTS, room.named("nginx-beijing"));
    await eventually(async () => {
      const { uid } = (await room.get(DEPLOYMENTS, "nginx-beijing")).metadata;
      expect(uid).not.toBe(first.metadata.uid);
    });
    await eventually(async () => expect(await room.events("shop")).toContain("ObjectDeleted"));

    await room.patchApp("shop", { workloadScope: groupTargets("hangzhou") });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-hangzhou"]));
    expect(await room.names(SERVICES)).toEqual(["nginx"]);

    await room.patchApp("shop", { workloadTemplate: { manifests: [deployment("nginx")] } });
    await eventually(async () => expect(await room.names(SERVICES)).toEqual([]));
    expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-hangzhou"]);
    await eventually(async () => {
      const { metadata } = await room.app("shop");
      const { "apps.kubeedge.io/last-contained-resources": text = "" } = metadata.annotations ?? {};
      expect(JSON.parse(text)).toEqual([
        {
          ...{ ordinal: 0, group: "apps", version: "v1", kind: "Deployment" },
          ...{ namespace: room.namespace, name: "nginx-hangzhou" },
        },
      ]);
    });
    // What is left goes with the application: the API's garbage collection looks at the owner.
    const { metadata } = await room.app("shop");
    const [owner] = (await room.get(DEPLOYMENTS, "nginx-hangzhou")).metadata.ownerReferences ?? [];
    expect(owner).toMatchObject({ uid: metadata.uid, controller: true, blockOwnerDeletion: true });
    room.takeCalls();
    await room.client.delete(EDGE_APPLICATIONS, room.named("shop"));
    await room.quiet();
    expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-hangzhou"]);
  });

  it("what was dropped while nobody looked goes with the next start", async () => {
    room.start();
    await room.createApp("shop", shop("a", "b"));
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toHaveLength(2));
    await room.quiet();
    await room.stop();
    await room.patchApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [configMap("left")] },
    });
    room.start();
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual([]);
      expect(await room.names(SERVICES)).toEqual([]);
      expect(await room.names(CONFIG_MAPS)).toEqual(["left"]);
    });
  });

  it("a field, a label and an owner that somebody takes away come back, and users' own fields stay", async () => {
    room.start();
    await room.createApp("shop", shop("a"));
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-a"]));
    const name = room.named("nginx-a");
    const merge = (body: object) => room.client.patch(DEPLOYMENTS, name, { type: "merge", body });
    await merge({
      metadata: {
        annotations: { "team.example/owner": "me" },
        labels: { "longshore.io/edge-application": null },
      },
      spec: { replicas: 7, minReadySeconds: 3 },
    });
    await merge({ metadata: { ownerReferences: null } });
    const body = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: "evil" }];
    await room.client.patch(DEPLOYMENTS, name, { type: "json", body });
    await eventually(async () => {
      const { metadata, spec } = await room.get(DEPLOYMENTS, "nginx-a");
      expect(metadata.ownerReferences).toHaveLength(1);
      expect(metadata.labels).toHaveProperty(["longshore.io/edge-application"]);
      // The template says nothing of replicas, so they are the user's.
      expect(spec).toMatchObject({ replicas: 7, minReadySeconds: 3 });
      expect(spec).toHaveProperty("template.spec.containers.0.image", "nginx:1.25");
      expect(metadata.annotations).toMatchObject({ "team.example/owner": "me" });
    });
  });

  it("a steady state writes nothing, also when everything is looked at again", async () => {
    room.start({ resyncMs: 100 });
    await room.createApp("shop", shop("a", "b"));
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toHaveLength(2));
    await room.available("nginx-a");
    await room.available("nginx-b");
    await room.quiet(1500);
    expect(await room.conditions("shop")).toMatchObject({ Ready: "False GroupMissing" });
  });

  it("groups by their labels come and go as groups and their labels do, and a protected one is told", async () => {
    const [gold, tin] = [`${room.namespace}-gold`, `${room.namespace}-tin`];
    const tier = { tier: room.namespace };
    await room.createGroup(gold, tier);
    await room.createGroup(tin);
    room.start();
    await room.createApp("shop", {
      workloadScope: { targetNodeGroupSelectors: [{ labelSelector: { matchLabels: tier } }] },
      workloadTemplate: { manifests: [deployment("nginx")] },
    });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual([`nginx-${gold}`]));
    const label = (name: string, labels: Record<string, string | null>) =>
      room.client.patch(NODE_GROUPS, { name }, { type: "merge", body: { metadata: { labels } } });
    await label(tin, { ...tier, "longshore.io/protected": "true" });
    await eventually(async () =>
      expect(await room.names(DEPLOYMENTS)).toEqual([`nginx-${gold}`, `nginx-${tin}`]),
    );
    const protectedOnes = async () =>
      (await room.app("shop")).status?.targets?.map((target) => [target.name, target.protected]);
    await eventually(async () =>
      expect(await protectedOnes()).toEqual([
        [gold, undefined],
        [tin, true],
      ]),
    );
    await label(tin, { "longshore.io/protected": null });
    await eventually(async () =>
      expect(await protectedOnes()).toEqual([
        [gold, undefined],
        [tin, undefined],
      ]),
    );
    await room.client.delete(NODE_GROUPS, { name: gold });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual([`nginx-${tin}`]));
  });

  it("nodes chosen by labels are counted as their labels change", async () => {
    const site = room.namespace;
    await room.createNode(`${site}-1`, { site });
    room.start();
    await room.createApp("shop", {
      workloadScope: { targetNodeLabels: [{ labelSelector: { matchLabels: { site } } }] },
      workloadTemplate: { manifests: [deployment("nginx")] },
    });
    const counts = async () => {
      const [target] = (await room.app("shop")).status?.targets ?? [];
      return [target?.nodes, target?.readyNodes];
    };
    await eventually(async () => expect(await counts()).toEqual([1, 1]));
    await room.createNode(`${site}-2`, { site }, false);
    await eventually(async () => expect(await counts()).toEqual([2, 1]));
    await room.client.delete(NODES, { name: `${site}-1` });
    await eventually(async () => expect(await counts()).toEqual([1, 0]));
  });

  it("an application whose other annotations leave no room is deployed all the same", async () => {
    const targets = Array.from({ length: 60 }, (_, i) => `target-${i}`);
    room.start();
    await room.createApp("shop", shop(...targets), { "a.user/notes": "x".repeat(256 * 1024 - 4000) });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toHaveLength(60));
    await room.quiet();
    await room.stop();
    await room.patchApp("shop", { workloadScope: groupTargets(), workloadTemplate: { manifests: [] } });
    room.start();
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual([]));
    await eventually(async () => expect(await room.names(SERVICES)).toEqual([]));
  }, 90_000);

  it("S an annotation that somebody bent neither deletes nor stops anything", async () => {
    const bent = ["../x", "a/b", "%2e", ""].map((name) => ({
      ...{ ordinal: 0, group: "", version: "v1", kind: "ConfigMap", namespace: room.namespace, name },
    }));
    const alien = { ...bent[0], kind: "Namespace", name: room.namespace };
    const annotation = JSON.stringify([...bent, alien]);
    room.start();
    await room.createApp("shop", shop("a"), { "apps.kubeedge.io/last-contained-resources": annotation });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-a"]));
    await eventually(async () => expect(await room.workloads("shop")).toHaveLength(2));
    const { metadata } = await room.client.get(NAMESPACES, { name: room.namespace });
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  it("an application that is made again waits for the objects of its predecessor to be collected", async () => {
    room.start({ retryBaseMs: 60_000, retryCapMs: 60_000 });
    await room.createApp("shop", shop("a"));
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-a"]));
    const old = await room.get(DEPLOYMENTS, "nginx-a");
    await room.client.delete(EDGE_APPLICATIONS, room.named("shop"));
    await room.createApp("shop", shop("a"));
    await eventually(async () =>
      expect((await room.app("shop")).status?.workloadStatus?.[0]?.message).toMatch(/belongs to/),
    );
    expect((await room.get(DEPLOYMENTS, "nginx-a")).metadata.resourceVersion).toBe(
      old.metadata.resourceVersion,
    );
    // The garbage collector does this, which is not here; long before it would be tried again.
    await room.client.delete(DEPLOYMENTS, room.named("nginx-a"));
    await eventually(async () =>
      expect((await room.get(DEPLOYMENTS, "nginx-a")).metadata.uid).not.toBe(old.metadata.uid),
    );
  });
});
