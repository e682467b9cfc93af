// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { EDGE_APPLICATIONS } from "../../src/edge-application/resources.ts";
import { eventually } from "../runtime/eventually.ts";
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
});
